"""Alerts as of a time: the office, minute by minute, and operators' changes since."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.console.kit import PRESENT_ALONE, Running, act

pytest.importorskip("duckdb", reason="needs the extra hunt")


def listed(page: str) -> dict[str, str]:
    """State of each alert by id."""
    rows = re.findall(r"<tr><td.*?</tr>", page.partition("<tbody>")[2], re.DOTALL)
    return {re.search(r"/alerts/(alert-\w+)", row)[1]: re.search(r'data-name="State">(\w+)', row)[1] for row in rows}  # type: ignore[index]


def test_alerts_come_one_by_one_and_notes_count_from_when_they_were_written(
    start: Callable[..., Running], own: Path
) -> None:
    """No alert at 08:05, the scans at 08:12, all seven at the end; an alert that is closed today was open then."""
    running = start(own)
    with running.client() as anna:
        assert listed(anna.get("/alerts?at=2026-11-24T08:05").text) == {}
        scans = anna.get("/alerts?at=2026-11-24T08:12")
        assert len(listed(scans.text)) == 4
        assert set(listed(scans.text).values()) == {"open"}
        assert PRESENT_ALONE not in scans.text
        later = listed(anna.get("/alerts?at=2026-11-24T08:19:30").text)
        assert len(later) == 7
        assert set(listed(scans.text)) < set(later)

        name = next(iter(later))
        assert act(anna, alert=name, action="close", verdict="benign", back="/alerts").status_code == 303
        assert listed(anna.get("/alerts?at=2026-11-24T08:19:30").text) == later
        now = listed(anna.get("/alerts?at=2099-01-01").text)
        assert now == later | {name: "closed"}
        assert listed(anna.get("/alerts?at=2099-01-01&state=closed").text) == {name: "closed"}
        assert "benign" in anna.get("/alerts?at=2099-01-01&state=closed").text


def test_filters_of_the_past_and_moments_that_cannot_be(browser, office: Running) -> None:
    at = "/alerts?at=2026-11-24T08:19:30"
    assert len(listed(browser.get(f"{at}&severity=critical").text)) == 1
    assert len(listed(browser.get(f"{at}&text=nmap").text)) == 1
    assert listed(browser.get(f"{at}&text=nmap&severity=critical").text) == {}
    for invalid in (f"{at}&severity=x", f"{at}&state=x", f"{at}&detector=x", "/alerts?at=x", "/alerts?at=2020-01-01"):
        assert browser.get(invalid).status_code == 400


def facts_of(page: str) -> dict[str, str]:
    found = re.findall(r"<dt>([^<]+)</dt><dd[^>]*>(.*?)</dd>", page, re.DOTALL)
    return {name: html.unescape(re.sub(r"<[^>]+>", "", value)).strip() for name, value in found}


def states_of(page: str) -> list[str]:
    return re.findall(r'data-name="Change">(\w+)', page)


def test_one_alert_at_a_moment(start: Callable[..., Running], own: Path) -> None:
    """An alert is unknown before it began, has more states over time, and is closed from the time of the action."""
    running = start(own)
    with running.client() as anna:
        last = "2026-11-24T08:19:30"
        names = list(listed(anna.get(f"/alerts?at={last}").text))
        pages = {name: anna.get(f"/alerts/{name}?at={last}").text for name in names}
        name = max(names, key=lambda one: len(states_of(pages[one])))
        assert f"/alerts/{name}?at=" in html.unescape(anna.get(f"/alerts?at={last}").text)
        times = re.findall(r'data-name="Time"><time datetime="([^"]+)"', pages[name])
        assert times == sorted(times)
        assert states_of(pages[name])[0] == "open"
        assert anna.get(f"/alerts/{name}?at=2026-11-24T08:00:30").status_code == 400
        early = anna.get(f"/alerts/{name}?at={times[0][:-1]}.999999")
        assert early.status_code == 200
        assert 1 <= len(states_of(early.text)) <= len(times)

        assert act(anna, alert=name, action="close", verdict="benign", text="a scan of ours").status_code == 303
        assert anna.get(f"/alerts/{name}?at={last}").text == pages[name]
        now = anna.get(f"/alerts/{name}?at=2099-01-01").text
        before, after = facts_of(pages[name]), facts_of(now)
        assert (before["state"], before["verdict"]) == ("open", "none")
        assert (after["state"], after["verdict"]) == ("closed", "benign")
        assert "a scan of ours" in now
        assert "a scan of ours" not in pages[name]
        for invalid, status in (("alert-nothing", 404), (name, 400)):
            assert anna.get(f"/alerts/{invalid}?at=x").status_code == status
