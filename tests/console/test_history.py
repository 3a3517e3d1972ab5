"""The console as of a time: devices as they were, differences to another time, and pages without history."""

from __future__ import annotations

import html
import re

import httpx
import pytest

from tests.console.kit import PRESENT_ALONE
from tests.golden import Golden

pytest.importorskip("duckdb", reason="needs the extra hunt")

EARLY, LATE = "2026-11-24T08:05", "2026-11-24T08:19"


def rows_of(text: str) -> list[str]:
    """The text of each row of the list."""
    body = text.partition("data-rows")[2].partition("<tbody>")[2].partition("</tbody>")[0]
    rows = re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in rows]


def test_devices_of_a_moment_and_the_difference_of_two(golden: Golden, browser: httpx.Client) -> None:
    """At 08:05 two hosts of another network were still unknown, and three had no exact Windows version."""
    early, late = (rows_of(browser.get("/devices", params={"at": at}).text) for at in (EARLY, LATE))
    assert (len(early), len(late)) == (36, 38)
    page = browser.get("/devices", params={"at": EARLY, "against": LATE})
    rows = rows_of(page.text)
    assert len([row for row in rows if row.startswith("new ")]) == 2
    golden(rows, "PC-DESK-11")
    assert [row for row in rows if row.startswith("gone ")] == []
    back = rows_of(browser.get("/devices", params={"at": LATE, "against": EARLY}).text)
    assert len([row for row in back if row.startswith("gone ")]) == 2
    changed = rows_of(browser.get("/devices", params={"at": EARLY, "against": LATE, "text": "windows lt-hr"}).text)
    golden(changed)


def test_one_device_of_a_moment_and_links_that_keep_it(browser: httpx.Client) -> None:
    page = browser.get("/devices", params={"at": EARLY, "text": "pc-desk-11"}).text
    link = next(link for link in re.findall(r'href="(/devices/dev-[^"]+)"', page))
    assert "at=2026-11-24T08%3A05" in link
    then = browser.get(html.unescape(link)).text
    assert "Windows 10 or 11" in then
    now = re.search(r'href="(/devices/dev-\w+)">The device as it is now', then)
    assert now is not None
    assert "Windows 10 or 11" not in re.sub(r"<details.*", "", browser.get(now[1]).text, flags=re.DOTALL)


def test_pages_without_a_past_report_it(browser: httpx.Client) -> None:
    for path in ("/vulnerabilities", "/tickets", "/hunt", "/lists", "/search", "/audit"):
        assert PRESENT_ALONE in browser.get(path, params={"at": EARLY}).text
    for path in ("/", "/alerts", "/devices", "/incidents", "/recommendations", "/map", "/timeline", "/health"):
        answer = browser.get(path, params={"at": EARLY})
        assert answer.status_code == 200
        assert PRESENT_ALONE not in answer.text


@pytest.mark.parametrize(
    ("path", "given", "field"),
    [
        ("/devices", {"at": "yesterday"}, "at"),
        ("/devices", {"at": "2020-01-01"}, "at"),
        ("/devices", {"at": EARLY, "against": "soon"}, "against"),
        ("/devices", {"at": EARLY, "type": "camera"}, "parameter"),
        ("/", {"at": "9" * 40}, "at"),
        ("/", {"at": "2020-01-01"}, "at"),
        ("/map", {"at": "2020-01-01"}, "at"),
        ("/timeline", {"at": "2020-01-01"}, "at"),
        ("/health", {"at": "soon"}, "at"),
        ("/incidents", {"at": EARLY, "against": "2020-01-01"}, "against"),
        ("/incidents", {"at": EARLY, "state": "acknowledged"}, "state"),
        ("/api/v1/devices", {"at": EARLY}, "at"),
    ],
)
def test_a_moment_that_cannot_be_shown_is_an_error(
    browser: httpx.Client, path: str, given: dict[str, str], field: str
) -> None:
    answer = browser.get(path, params=given)
    assert answer.status_code == 400
    assert f"{field}: found" in answer.text
