"""The list of alerts as it was at a moment: the office, minute by minute, and what operators wrote since."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.console.kit import Running, act

pytest.importorskip("duckdb", reason="needs the extra hunt")


def listed(page: str) -> dict[str, str]:
    """State by id of an alert."""
    rows = re.findall(r"<tr><td.*?</tr>", page.partition("<tbody>")[2], re.DOTALL)
    return {re.search(r"/alerts/(alert-\w+)", row)[1]: re.search(r'data-name="State">(\w+)', row)[1] for row in rows}  # type: ignore[index]


def test_alerts_come_one_by_one_and_notes_count_from_when_they_were_written(
    start: Callable[..., Running], own: Path
) -> None:
    """Nothing at 08:05, the scans at 08:12, all seven at the end; an alert that is closed today was open then."""
    running = start(own)
    with running.client() as anna:
        assert listed(anna.get("/alerts?at=2026-11-24T08:05").text) == {}
        scans = anna.get("/alerts?at=2026-11-24T08:12")
        assert len(listed(scans.text)) == 4
        assert set(listed(scans.text).values()) == {"open"}
        assert "This page shows the present" not in scans.text
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
    for wrong in (f"{at}&severity=x", f"{at}&state=x", f"{at}&detector=x", "/alerts?at=x", "/alerts?at=2020-01-01"):
        assert browser.get(wrong).status_code == 400
