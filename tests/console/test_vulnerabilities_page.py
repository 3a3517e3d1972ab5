"""What is new among the vulnerabilities: a list, a filter and an order by the first detection."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from pathlib import Path

from sensor.posture.vulnerabilities.database import open_to_write
from sensor.posture.vulnerabilities.importer import Origin, import_feed
from tests.console.kit import Running
from tests.posture.vulnerabilities.feeds import cpe_match, nvd_cve, nvd_feed

# The firmware of a camera is seen in the first minutes of the capture, from 08:00 to 08:20.
EARLY, LATE = "2026-11-01T06:00:00Z", "2026-11-24T08:18:00Z"
KNOWN, NEW = "CVE-2026-1001", "CVE-2026-1002"


def import_cves(state: Path) -> None:
    """One CVE of the camera is imported long before the capture, another one near its end."""
    with contextlib.closing(open_to_write(state)) as base:
        for cve, moment in ((KNOWN, EARLY), (NEW, LATE)):
            path = state / f"{cve}.json"
            product = cpe_match("o:axis:axis_os", versionStartIncluding="10.12", versionEndExcluding="10.12.400")
            path.write_text(json.dumps(nvd_feed([nvd_cve(cve, [product])])), encoding="utf-8")
            assert not import_feed(base, path, Origin(cve, str(path)), moment).trouble


def cves_of(page: str) -> list[str]:
    return re.findall(r'<td class="short">(CVE-[\d-]+)</td>', page)


def test_new_vulnerabilities_are_listed(own: Path, start: Callable[..., Running]) -> None:
    import_cves(own)
    with start(own).client() as client:
        assert cves_of(client.get("/vulnerabilities?since=5m").text) == [NEW]
        newest = cves_of(client.get("/vulnerabilities?sort=first_detected").text)
        assert newest[:2] == [NEW, KNOWN]
        front = client.get("/").text
        assert "/vulnerabilities?since=24h" in front
        page = client.get("/vulnerabilities?since=24h").text
        assert set(cves_of(page)) == {NEW, KNOWN}


def test_others_are_counted_and_not_called_old(own: Path, start: Callable[..., Running]) -> None:
    """When CVEs that come with the sensor were detected first is unknown."""
    import_cves(own)
    with start(own).client() as client:
        every = cves_of(client.get("/vulnerabilities?limit=500").text)
        note = re.search(r'<p class="quiet">(\d+) CVEs are not listed', client.get("/vulnerabilities?since=24h").text)
        assert note is not None
        assert int(note[1]) == len(every) - 2 > 10


def test_the_api_has_the_time(own: Path, start: Callable[..., Running]) -> None:
    import_cves(own)
    with start(own).client() as client:
        found = client.get("/api/v1/vulnerabilities?since=24h&sort=first_detected").json()["items"]
        times = {one["cve"]: one["first_detected"] for one in found}
        assert times[NEW] == "2026-11-24T08:18:00.000000Z"
        assert "2026-11-24T08:00:00" < times[KNOWN] < "2026-11-24T08:18:00"
        every = client.get("/api/v1/vulnerabilities?limit=500").json()["items"]
        assert {one["first_detected"] for one in every if one["source"] == "curated"} == {""}


def test_without_an_import_there_is_no_column(own: Path, start: Callable[..., Running]) -> None:
    with start(own).client() as client:
        page = client.get("/vulnerabilities").text
        assert "sort=first_detected" not in page
        assert cves_of(page)
