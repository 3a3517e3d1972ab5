"""Scans of addresses that take their time: the attack, its innocent twins, repetition."""

from __future__ import annotations

from sensor.core.alert import Severity
from tests.detectors.stories import Story, World, device, lit, one, raised

SLOW = "discovery.slow_address_scan"
SOURCE = "10.0.0.66"


def tries(count: int, step: float, *, answered: bool = False, at: float = 1) -> Story:
    """One source at the same port of ever new addresses."""
    story = lit(Story())
    for n in range(count):
        story.flow(at + n * step, SOURCE, f"10.0.{5 + n // 250}.{n % 250 + 1}", 445, answered=answered)
    return story.flow(at + count * step + 60, "10.9.9.9", "10.9.9.8", 80, answered=True)


def test_an_address_every_ten_seconds_is_a_scan() -> None:
    """Too slow for the fast scan, fifty within ten minutes."""
    alert = one(raised(SLOW, tries(70, 10)))
    assert (alert.numbers["failed"], alert.numbers["window_s"], alert.severity) == (50, 600, Severity.medium)
    assert one(raised(SLOW, tries(70, 10), World(device("camera", SOURCE)))).severity == Severity.high


def test_an_address_every_ten_minutes_is_a_scan_of_the_day() -> None:
    """A hundred within the day."""
    alert = one(raised(SLOW, tries(130, 600)))
    assert (alert.numbers["failed"], alert.numbers["window_s"]) == (100, 86400)


def test_benign_twins_are_quiet() -> None:
    """Machines that are there, a few that are not, and our own scanner."""
    assert raised(SLOW, tries(120, 10, answered=True)) == []
    assert raised(SLOW, tries(40, 10)) == []
    assert raised(SLOW, tries(70, 10), exempt=("10.0.0.64/29",)) == []


def test_the_fast_scan_is_left_to_its_own_detector() -> None:
    """Sixty within a minute are told there."""
    assert raised(SLOW, tries(60, 1)) == []


def test_repetition_is_reported_once_a_day() -> None:
    """It goes on for two hours."""
    assert len(raised(SLOW, tries(700, 10))) == 1
