"""Incidents, recommendations, the map, the score and the overview as of a time, and the difference of two times: the
office, minute by minute.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from sensor.console.pages import overview
from sensor.records.query import NoRecords
from sensor.views.past import PastRow, changes_of
from tests.console.test_history import EARLY, LATE, rows_of

pytest.importorskip("duckdb", reason="needs the extra hunt")

SCANS = "2026-11-24T08:12"
DAY = {"ts": "2026-11-23T09:00:00Z", "devices": {"high": 3}, "weaknesses": {"low": 2}, "segments": {"vlan 10": 40.0}}


def changes(page: str) -> Counter[str]:
    return Counter(re.findall(r'data-name="Change"><span class="tag">(\w+)', page))


def test_incidents_of_a_moment_and_the_difference_of_two(browser: httpx.Client) -> None:
    """At 08:12 there is only the scan; until 08:19 it grows, and two more incidents begin."""
    early = browser.get("/incidents", params={"at": SCANS}).text
    assert len(rows_of(early)) == 1
    page = browser.get("/incidents", params={"at": SCANS, "against": LATE}).text
    assert changes(page) == {"new": 2, "changed": 1}
    assert changes(browser.get("/incidents", params={"at": LATE, "against": SCANS}).text) == {"gone": 2, "changed": 1}
    assert changes(browser.get("/incidents", params={"at": LATE, "against": LATE}).text) == {}
    assert len(rows_of(browser.get("/incidents", params={"at": LATE, "severity": "critical"}).text)) == 1
    assert rows_of(browser.get("/incidents", params={"at": LATE, "state": "closed"}).text) == []
    assert rows_of(browser.get("/incidents", params={"at": EARLY}).text) == []


def test_a_difference_with_a_filter_has_what_matches_at_either_time(browser: httpx.Client) -> None:
    """The incident of the scan gets another summary, three workstations an exact version: none is new or gone."""
    for times in ({"at": SCANS, "against": LATE}, {"at": LATE, "against": SCANS}):
        page = browser.get("/incidents", params={**times, "text": "64 targets"}).text
        assert changes(page) == {"changed": 1}
    page = browser.get("/devices", params={"at": EARLY, "against": LATE, "text": "windows 10 or 11 desk-11"}).text
    (row,) = rows_of(page)
    assert ("new" in row.split(), "gone" in row.split(), "→" in row) == (False, False, True)


def test_titles_of_past_pages_have_the_same_form(browser: httpx.Client) -> None:
    """A time in the URL may be a span; titles show the time itself."""
    time = r'<time datetime="2026-11-24T08:12:00Z"'
    for path, name in (
        ("/", "Overview"), ("/incidents", "Incidents"), ("/alerts", "Alerts"), ("/devices", "Devices"),
        ("/recommendations", "Recommendations"), ("/map", "Map"), ("/health", "Health"),
    ):  # fmt: skip
        page = browser.get(path, params={"at": SCANS}).text
        assert re.search(rf"<h1>{name} at {time}", page), path
    for path in ("/incidents", "/alerts", "/devices"):
        page = browser.get(path, params={"at": SCANS, "against": LATE}).text
        assert re.search(rf"<h1>\w+: difference from {time}", page), path
        assert re.search(r'<th scope="col">Change</th>', page), path


def test_one_incident_of_a_moment(browser: httpx.Client) -> None:
    """An incident has the alerts until then; before its begin there is none."""
    listed = browser.get("/incidents", params={"at": SCANS}).text
    path = re.findall(r'href="(/incidents/incident-\w+)\?at=', listed)[0]
    then, now = browser.get(path, params={"at": SCANS}).text, browser.get(path).text
    assert 1 <= len(rows_of(then)) < len(rows_of(now))
    assert all(re.match(r"\d+ 2026-11-24 08:1[0-1]", row) for row in rows_of(then))
    assert browser.get(path, params={"at": EARLY}).status_code == 400


def test_recommendations_and_alerts_of_two_moments(browser: httpx.Client) -> None:
    early, late = (rows_of(browser.get("/recommendations", params={"at": at}).text) for at in (EARLY, LATE))
    assert 0 < len(early) < len(late)
    page = browser.get("/recommendations", params={"at": EARLY, "against": LATE}).text
    assert changes(page)["new"] == len(late) - len(early)
    page = browser.get("/alerts", params={"at": SCANS, "against": LATE, "severity": "medium"}).text
    assert changes(page) == {"new": 2}


def counts_of(page: str) -> tuple[int, int]:
    """Numbers of devices and flows of a map."""
    found = re.search(r"([\d,]+) devices? in ([\d,]+) conversations?", page)
    assert found is not None
    return int(found[1]), int(found[2])


def test_the_map_of_a_moment(browser: httpx.Client) -> None:
    """The map grows to the present one; the difference has what began in between, and alerts are those of that time."""
    early, late = (browser.get("/map", params={"at": at}).text for at in (EARLY, LATE))
    now, between = browser.get("/map").text, browser.get("/map", params={"at": EARLY, "against": LATE}).text
    assert counts_of(early) < counts_of(late)
    assert counts_of(late)[1] <= counts_of(now)[1]
    assert counts_of(between)[1] == counts_of(late)[1] - counts_of(early)[1]
    assert '<circle class="critical"' in late
    assert '<circle class="critical"' not in early
    assert ('class="attack critical"' in late, 'class="attack critical"' in early) == (True, False)
    opened = browser.get("/map", params={"at": EARLY, "opened": "camera"}).text
    assert "at=2026-11-24T08%3A05" in opened.partition("<svg")[2]
    assert counts_of(browser.get("/map", params={"at": EARLY, "type": "camera"}).text) < counts_of(early)


@pytest.mark.parametrize(("hours", "there"), [(23, False), (25, True), (None, False)])
def test_a_day_of_records_is_needed_for_the_changes_since_yesterday(
    monkeypatch: pytest.MonkeyPatch, hours: int | None, there: bool
) -> None:
    now = 1_800_000_000 * 10**9

    def first(_: Path) -> int:
        if hours is None:
            raise NoRecords("none")
        return now // 1000 - hours * 3_600_000_000

    monkeypatch.setattr(overview, "first_of", first)
    request = SimpleNamespace(now=now, dataset=SimpleNamespace(log=Path("/nowhere/events.jsonl")))
    assert overview._has_yesterday(request) is there


def test_the_past_map_has_all_targets_of_an_alert(browser: httpx.Client) -> None:
    """A scan of 64 addresses and a sweep: the pairs are those of the present map, device by device."""
    for opened in ({}, {"opened": "workstation"}, {"by": "segment"}):
        tables = []
        for at in ({"at": LATE}, {}):
            page = browser.get("/map", params={**opened, **at}).text
            table = page.partition('id="attacks"')[2].partition("</table>")[0]
            tables.append([re.sub("<[^>]*>", " ", row).split() for row in table.split("</tr>")])
        assert tables[0] == tables[1]
        assert len(tables[0]) > 3


def test_timeline_and_health_end_at_the_moment(browser: httpx.Client) -> None:
    times = [row[:19] for row in rows_of(browser.get("/timeline", params={"at": EARLY, "limit": 500}).text)]
    assert times
    assert max(times) <= "2026-11-24 08:05:00"
    assert len(times) < len(rows_of(browser.get("/timeline", params={"limit": 500}).text))
    early, now = browser.get("/health", params={"at": EARLY}).text, browser.get("/health").text
    assert early.count("<tr><td") < now.count("<tr><td")
    assert "<dt>packets</dt>" in now
    assert "<dt>packets</dt>" not in early


def test_the_score_of_a_day_is_the_kept_one_or_unknown(start, own: Path) -> None:
    with start(own).client() as client:
        assert client.get("/posture", params={"at": EARLY}).status_code == 503
        assert "unknown" in client.get("/", params={"at": EARLY}).text
        days = [DAY | {"day": "2026-11-20", "points": 30.0}, DAY | {"day": "2026-11-23", "points": 42.5}]
        (own / "posture.jsonl").write_text("".join(json.dumps(day) + "\n" for day in days))
        assert "<strong>42.5</strong>" in client.get("/posture", params={"at": EARLY}).text
        assert "<strong>42.5</strong>" in client.get("/", params={"at": EARLY}).text
        page = client.get("/posture", params={"at": "2026-11-21", "against": EARLY}).text
        assert 'data-name="Difference">+12.5<' in page
        assert client.get("/posture", params={"at": "2026-11-19"}).status_code == 503


def test_new_records_do_not_change_a_past_state(browser: httpx.Client) -> None:
    """Only pages of the present have the element that receives live updates."""
    for path in ("/", "/alerts", "/map"):
        assert 'id="live"' in browser.get(path).text
        assert 'id="live"' not in browser.get(path, params={"at": LATE}).text


def test_the_overview_of_a_moment(browser: httpx.Client) -> None:
    """Alerts that were open then are shown, with links that keep the time."""
    page = browser.get("/", params={"at": SCANS, "against": LATE}).text
    assert "<strong>1</strong> open incident" in page
    assert "<strong>3</strong> medium alerts" in page
    assert "<strong>38</strong> devices" in page
    open_alerts = page.partition("<h2>Open alerts</h2>")[2]
    assert re.findall(r'class="badge (\w+)"', open_alerts) == ["medium", "medium", "medium", "low"]
    assert re.search(r'href="/map\?at=2026-11-24T08%3A12&amp;against=2026-11-24T08%3A19"', page)


def test_an_office_without_records_has_no_past_devices(start, own: Path) -> None:
    """Data of the event log is shown; other data is unknown, with the reason."""
    for path in own.glob("records*"):
        path.rename(own / f"away-{path.name}")
    with start(own).client() as client:
        page = client.get("/", params={"at": SCANS})
        assert page.status_code == 200
        assert "devices: unknown" in page.text
        assert "<strong>1</strong> open incident" in page.text
        assert client.get("/map", params={"at": SCANS}).status_code == 503


def row(name: str, state: str, severity: str = "low") -> PastRow:
    return PastRow(name, state, severity, 1, 2, "what happened")


def test_each_kind_of_change() -> None:
    before = [row("a", "open"), row("b", "open"), row("c", "closed"), row("d", "open"), row("e", "open")]
    after = [row("a", "open"), row("b", "closed"), row("c", "open"), row("d", "acknowledged"), row("f", "open")]
    found = {(one.after or one.before).id: one.what for one in changes_of(before, after, "abcdef")}  # type: ignore[union-attr]
    assert found == {"b": "closed", "c": "reopened", "d": "changed", "e": "gone", "f": "new"}
    assert changes_of([row("a", "open")], [row("a", "open", "high")], "a")[0].what == "changed"
    assert changes_of(before, after, "") == []
