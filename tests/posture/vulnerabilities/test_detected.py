"""The first detection of a vulnerability: the later of the first packet with the version, and the first import."""

from __future__ import annotations

import pytest

from sensor.posture.vulnerabilities.about import About
from sensor.posture.vulnerabilities.detected import first_detected

BEFORE, IMPORT, AFTER = "2026-11-20T08:00:00.250000Z", "2026-11-24T06:00:00Z", "2026-11-25T09:30:00.500000Z"


def detected(imported: str, *shown: object, sources: tuple[str, ...] = ("nvd",)) -> str:
    return first_detected(About("CVE-2024-2001", sources=sources, imported=imported), [{"first": one} for one in shown])


def test_a_new_cve_of_a_known_device() -> None:
    """The version was known for days: it is detected by the import."""
    assert detected(IMPORT, BEFORE) == "2026-11-24T06:00:00.000000Z"


def test_a_new_device_with_a_known_cve() -> None:
    assert detected(IMPORT, AFTER) == AFTER


def test_the_first_packet_with_the_version_counts() -> None:
    assert detected(IMPORT, AFTER, BEFORE) == "2026-11-24T06:00:00.000000Z"
    assert detected(IMPORT, "2026-11-26T00:00:00.000000Z", AFTER) == AFTER


def test_a_cve_that_comes_with_the_sensor() -> None:
    """It may have been detected before its import, but not before the version was known."""
    assert detected(IMPORT, BEFORE, sources=("curated", "nvd")) == ""
    assert detected(IMPORT, AFTER, sources=("curated", "nvd")) == AFTER


@pytest.mark.parametrize("times", [("", AFTER), (IMPORT,), (IMPORT, ""), (IMPORT, 7), ("yesterday", AFTER)])
def test_what_is_not_known_is_not_guessed(times: tuple[object, ...]) -> None:
    assert detected(str(times[0]), *times[1:]) == ""
