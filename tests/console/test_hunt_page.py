"""Hunts on the page: queries in KQL, a chart of the result, and a query that becomes a scheduled hunt."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import httpx
import pytest

pytest.importorskip("duckdb", reason="needs the extra hunt")

from sensor.console import hunt_files
from sensor.console.hunt_chart import BARS, chart_of
from sensor.console.hunt_files import HuntFiles
from sensor.console.querying import Querying
from sensor.records.hunts_library import library, load_hunts
from sensor.records.query_process import Answer
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


def rows_of_all(page: str) -> dict[str, str]:
    """Rows of the hunts with any, by name."""
    found = re.findall(r'href="/hunt\?(?:\S*&amp;)?name=(\w+)[^"]*">.*?data-name="Rows">([^<]*)<', page, re.DOTALL)
    return dict(found)


def test_all_hunts_with_their_numbers_of_rows(browser: httpx.Client) -> None:
    """Each hunt is either in the table or has nothing; the number is that of its own page, also of a time range."""
    page = browser.get("/hunt/all").text
    found = rows_of_all(page.partition("Nothing found by")[0])
    assert set(re.findall(r"name=(\w+)", page)) >= set(library())
    assert found["port_scans"] == "1"
    for name in ("port_scans", "new_admin_protocol"):
        assert str(len(cells_of(browser.get("/hunt", params={"name": name}).text))) == found[name]
    times = {"since": "2026-11-24T08:00", "until": "2026-11-24T08:05"}
    early = browser.get("/hunt/all", params=times).text
    assert "port_scans" not in rows_of_all(early.partition("Nothing found by")[0])
    assert "since=2026-11-24T08%3A00&amp;until=2026-11-24T08%3A05" in early
    assert cells_of(browser.get("/hunt", params={"name": "port_scans", **times}).text) == []
    assert browser.get("/hunt/all", params={"since": "1h", "until": "2h"}).status_code == 400
    assert browser.get("/hunt/all", params={"after": "no_hunt"}).status_code == 400


def test_hunts_of_the_operator_are_run_too_and_an_invalid_one_stops_no_other(there: Running) -> None:
    with there.client() as client:
        token = csrf_of(client.get("/hunt").text)
        for name, sql in (("a_broken_one", "SELECT nothing FROM conn"), ("talkers", TALKERS)):
            sent = {"csrf": token, "action": "schedule", **SCHEDULED, "name": name, "sql": sql}
            assert client.post("/hunt/act", data=sent).status_code == 303
        page = client.get("/hunt/all").text
        found = rows_of_all(page.partition("Nothing found by")[0])
        assert (found["a_broken_one"], found["talkers"], found["port_scans"]) == ("unknown", "5", "1")
        assert "nothing" in page.partition('<pre class="notice">')[2].partition("</pre>")[0]
        assert len(cells_of(client.get("/hunt", params={"name": "talkers"}).text)) == 5


def test_hunts_for_which_there_is_no_time_are_not_called_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are linked as the next page, whose hunts follow the last one that was run."""
    from sensor.console import hunting

    class Request:
        """Without a time range."""

        def first(self, _: str) -> str:
            return ""

    class Queried:
        def run(self, sql: str, most: int) -> Answer:
            clock.now += 9
            return Answer(["a"], ["INTEGER"], [[1]])

    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(hunting, "time", clock)
    monkeypatch.setattr(hunting, "records", lambda _: contextlib.nullcontext(Querying(Queried(), [])))
    monkeypatch.setattr(hunting, "coverage", lambda _: None)
    monkeypatch.setattr(hunting, "sentences", lambda _: [])
    hunts = {name: hunt for name, hunt in hunting.built_in().items() if name < "d"}
    found = hunting.run_all(Request(), hunts)
    assert (len(found.counts), [one.name for one in found.counts] + found.left) == (3, list(hunts))


def test_rows_as_json_lines_and_vulnerabilities_in_a_query(browser: httpx.Client) -> None:
    """The table of vulnerabilities is computed when a query names it, as in the command."""
    answer = browser.get("/hunt.jsonl", params={"name": "port_scans"})
    [row] = map(json.loads, answer.text.splitlines())
    assert (row["src_ip"], row["ports"]) == ("10.20.10.106", 33)
    sql = "SELECT cve, device FROM vulnerability LIMIT 3"
    page = browser.get("/hunt", params={"sql": sql})
    assert (page.status_code, '<pre class="notice">' in page.text) == (200, False)
    assert browser.get("/hunt.jsonl", params={"sql": "SELECT"}).status_code == 400
