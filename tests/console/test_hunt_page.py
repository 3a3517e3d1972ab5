"""Hunts on the page: queries in KQL, a chart of the result, and a query that becomes a scheduled hunt."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

pytest.importorskip("duckdb", reason="needs the extra hunt")

from sensor.console import hunt_files
from sensor.console.hunt_chart import BARS, chart_of
from sensor.console.hunt_files import HuntFiles
from sensor.records.hunts_library import load_hunts
from sensor.views.errors import Malformed
from tests.console.kit import Running, csrf_of

TALKERS = "SELECT src_ip, count(*) AS n FROM conn GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5"
SCHEDULED = {
    "name": "talkers", "title": "Many connections", "description": "A host with\r\n many connections.",
    "schedule": "1h", "look_back": "1d", "severity": "low", "actor": "src_ip", "target": "", "sql": TALKERS,
}  # fmt: skip


def cells_of(text: str) -> list[list[str]]:
    body = text.partition('id="results"')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    cells = r'<td class="mono[^>]*>(?:<a [^>]*>)?(.*?)(?:</a>)?</td>'
    return [re.findall(cells, row) for row in body.split("</tr>")[:-1]]


def test_kql_and_sql_have_the_same_rows(browser: httpx.Client) -> None:
    pytest.importorskip("duckdb_kql", reason="needs the extra kql")
    kql = "conn | summarize n=count() by src_ip | order by n desc, src_ip asc | take 5"
    page = browser.get("/hunt", params={"sql": kql, "language": "kql"})
    rows = cells_of(page.text)
    assert rows == cells_of(browser.get("/hunt", params={"sql": TALKERS}).text)
    assert len(rows) == 5
    table = browser.get("/hunt.csv", params={"sql": kql, "language": "kql"}).text.splitlines()
    assert table[0] == "src_ip,n"
    assert len(table) == 6


def test_invalid_kql_is_explained(browser: httpx.Client) -> None:
    pytest.importorskip("duckdb_kql", reason="needs the extra kql")
    page = browser.get("/hunt", params={"sql": "conn | where nothing == 1 |", "language": "kql"})
    assert page.status_code == 200
    assert '<pre class="notice">' in page.text
    assert browser.get("/hunt", params={"sql": "conn", "language": "kqll"}).status_code == 400


def test_the_chart_has_a_bar_for_each_row(browser: httpx.Client) -> None:
    """The longest bar is the row with the highest number; a result without numbers has no chart."""
    page = browser.get("/hunt", params={"sql": TALKERS}).text
    for name in ("on-wide", "on-narrow"):
        chart = page.partition(f'<svg class="bars {name}"')[2].partition("</svg>")[0]
        titles = re.findall(r"<title>(\S+): ([\d,]+)</title>", chart)
        assert [[name, count] for name, count in titles] == cells_of(page)
        widths = [float(width) for width in re.findall(r'width="([\d.]+)%?"', chart)]
        assert len(widths) == len(titles)
        assert widths == sorted(widths, reverse=True)
    assert '<svg class="bars' not in browser.get("/hunt", params={"sql": "SELECT src_ip FROM conn LIMIT 3"}).text


@pytest.mark.parametrize(
    ("types", "rows"),
    [
        (["VARCHAR", "BIGINT"], []),
        (["VARCHAR", "VARCHAR"], [["a", "b"]]),
        (["BIGINT", "BIGINT"], [[1, 2]]),
        (["VARCHAR", "BIGINT"], [["a", -1], ["b", 3]]),
        (["VARCHAR", "BIGINT"], [["a", 0]]),
    ],
)
def test_results_without_a_chart(types: list[str], rows: list[list[object]]) -> None:
    assert chart_of(["one", "two"], types, rows) is None


def test_hostile_names_are_text_in_the_chart() -> None:
    """Many rows are limited, missing values are shown as none, and a peer's text is no markup."""
    rows = [["<script>\x1b[2J", 9], [None, None], *([str(number), 1.5] for number in range(50))]
    chart = chart_of(["name", "n"], ["VARCHAR", "DOUBLE"], rows)
    assert chart is not None
    assert chart.shown == BARS
    assert "<script" not in chart.picture
    assert "\x1b" not in chart.picture
    assert "none: none" in chart.picture


@pytest.fixture
def there(start, own: Path) -> Running:
    return start(own)


def test_a_query_becomes_a_scheduled_hunt_and_is_removed(there: Running) -> None:
    """The sensor loads the written file; the audit log has both actions."""
    with there.client() as client:
        token = csrf_of(client.get("/hunt").text)
        assert client.post("/hunt/act", data={"csrf": token, "action": "schedule", **SCHEDULED}).status_code == 303
        found = load_hunts([there.state / "hunts"])
        assert found.faults == []
        hunt = found.by_name["talkers"]
        assert (hunt.sql, hunt.schedule, hunt.severity) == (TALKERS, 3600, "low")
        assert hunt.description.split() == SCHEDULED["description"].split()
        assert "\n" not in hunt.description
        assert hunt.entities is not None
        assert hunt.entities.actor == "src_ip"
        page = client.get("/hunt").text
        assert "Many connections" in page
        assert client.post("/hunt/act", data={"csrf": token, "action": "remove", "name": "talkers"}).status_code == 303
        assert load_hunts([there.state / "hunts"]).by_name == {}
    lines = [json.loads(line) for line in (there.state / "console-audit.jsonl").read_text().splitlines()]
    assert [one["action"] for one in lines if one.get("text") == "talkers"] == ["hunt schedule", "hunt remove"]


def test_an_invalid_schedule_writes_nothing(there: Running) -> None:
    with there.client() as client, there.client("berta", "read") as berta:
        token = csrf_of(client.get("/hunt").text)
        for invalid in (
            {"schedule": "often"}, {"name": "../../etc/x"}, {"severity": "awful"}, {"title": ""}, {"actor": ""},
        ):  # fmt: skip
            sent = {"csrf": token, "action": "schedule", **SCHEDULED, **invalid}
            assert client.post("/hunt/act", data=sent).status_code == 400, invalid
        assert client.post("/hunt/act", data={"csrf": token, "action": "remove", "name": "x"}).status_code == 400
        mine = {"csrf": csrf_of(berta.get("/hunt").text), "action": "schedule", **SCHEDULED}
        assert berta.post("/hunt/act", data=mine).status_code == 403
    assert not (there.state / "hunts").exists()


def test_names_of_scheduled_hunts_are_unique_and_their_number_is_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hunt_files, "MOST", 1)
    files, given = HuntFiles(tmp_path, None), {"title": "Talkers", "description": "Why", "actor": "src_ip"}
    files.save("talkers", "SELECT src_ip FROM conn", given)
    for name in ("talkers", "others"):
        with pytest.raises(Malformed) as refused:
            files.save(name, "SELECT dst_ip FROM conn", given)
        assert refused.value.value == name
    assert files.names() == ["talkers"]
    assert files.all().by_name["talkers"].sql == "SELECT src_ip FROM conn"
