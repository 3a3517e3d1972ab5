"""Slow address scans: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.alert import Severity
from tests.detectors.stories import Story, World, device, lit, one, raised

SLOW = "discovery.slow_address_scan"
SOURCE = "10.0.0.66"


def tries(count: int, step: float, *, answered: bool = False, at: float = 1, port: int = 445) -> Story:
    """Connection attempts of one source to the same port of changing addresses."""
    story = lit(Story())
    for n in range(count):
        story.flow(at + n * step, SOURCE, f"10.0.{5 + n // 250}.{n % 250 + 1}", port, answered=answered)
    return story.flow(at + count * step + 60, "10.9.9.9", "10.9.9.8", 80, answered=True)


def test_an_address_every_ten_seconds_is_a_scan() -> None:
    """Fifty addresses within ten minutes raise an alert, too slow for the fast scan."""
    alert = one(raised(SLOW, tries(70, 10)))
    assert (alert.numbers["failed"], alert.numbers["window_s"], alert.severity) == (50, 600, Severity.medium)
    assert one(raised(SLOW, tries(70, 10), World(device("camera", SOURCE)))).severity == Severity.high


def test_an_address_every_ten_minutes_is_a_scan_of_the_day() -> None:
    """A hundred addresses within a day raise an alert."""
    alert = one(raised(SLOW, tries(130, 600)))
    assert (alert.numbers["failed"], alert.numbers["window_s"]) == (100, 86400)


def test_benign_twins_are_quiet() -> None:
    """Hosts that answer, a few that do not, peers for updates of Windows, and the own scanner raise no alert."""
    assert raised(SLOW, tries(120, 10, answered=True)) == []
    assert raised(SLOW, tries(40, 10)) == []
    assert raised(SLOW, tries(70, 10, port=7680)) == []
    assert raised(SLOW, tries(70, 10), exempt=("10.0.0.64/29",)) == []


def test_the_fast_scan_is_left_to_its_own_detector() -> None:
    """Sixty addresses within a minute are left to the fast detector."""
    assert raised(SLOW, tries(60, 1)) == []


def test_repetition_is_reported_once_a_day() -> None:
    """A scan of two hours is reported once a day."""
    assert len(raised(SLOW, tries(700, 10))) == 1
