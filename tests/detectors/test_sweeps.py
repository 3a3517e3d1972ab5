"""Ping sweeps and service sweeps: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from typing import Any

import pytest

from sensor.core.alert import Severity
from tests.detectors.stories import PING, Story, World, device, lit, one, raised

ICMP, SERVICE = "discovery.icmp_sweep", "discovery.service_sweep"
DAY = 86400
SOURCE = "10.0.0.66"


def pings(story: Story, count: int, at: float = 1, step: float = 0.2, **how: bool) -> Story:
    for n in range(count):
        story.flow(at + n * step, SOURCE, f"10.0.5.{n + 1}", 8, proto=PING, **how)
    return story


def attempts(story: Story, count: int, at: float = 1, step: float = 2) -> Story:
    """A connection that is answered and ends after a few packets."""
    for n in range(count):
        story.converse(at + n * step, SOURCE, f"10.0.5.{n + 1}", 22, lasts=1, messages=(5, 4))
    return story


def test_sixty_pings_are_a_sweep() -> None:
    """Sixty pings are a sweep, with or without answers."""
    for answered in (False, True):
        alert = one(raised(ICMP, pings(lit(Story()), 60, answered=answered)))
        assert (alert.severity, alert.numbers["targets"]) == (Severity.medium, 50)
    assert one(raised(ICMP, pings(lit(Story()), 60), World(device("camera", SOURCE)))).severity == Severity.high


def test_knocking_at_many_hosts_is_a_sweep() -> None:
    """SSH connections to twenty hosts without a login are a sweep."""
    alert = one(raised(SERVICE, attempts(lit(Story()), 20)))
    assert (alert.severity, alert.numbers["hosts"], alert.target_port) == (Severity.medium, 15, 22)


def test_few_or_slow_contacts_are_quiet() -> None:
    """Connections below the threshold, or spread over hours, are no sweep."""
    assert raised(ICMP, pings(lit(Story()), 49)) == []
    assert raised(ICMP, pings(lit(Story()), 80, step=60)) == []
    assert raised(SERVICE, attempts(lit(Story()), 14)) == []
    assert raised(SERVICE, attempts(lit(Story()), 40, step=120)) == []


def test_an_administrator_who_works_is_quiet() -> None:
    """Sessions with much data are no sweep."""
    story = lit(Story())
    for n in range(30):
        story.converse(1 + n * 3, SOURCE, f"10.0.5.{n + 1}", 22, lasts=200, messages=(80, 80))
    assert raised(SERVICE, story) == []


@pytest.mark.parametrize(("path", "report"), [(ICMP, pings), (SERVICE, attempts)], ids=["ping", "service"])
def test_monitoring_is_reported_once_in_a_week(path: str, report: Any) -> None:
    """The same hosts at the same hour of each day are reported on the first day only."""
    story = lit(Story())
    for day in range(7):
        report(story, 70, at=1 + day * DAY)
    assert all(alert.ts < story.changes()["ts"][0] + DAY * 1_000_000_000 for alert in raised(path, story))
    assert one(raised(path, story))


@pytest.mark.parametrize(("path", "report"), [(ICMP, pings), (SERVICE, attempts)], ids=["ping", "service"])
def test_our_own_scanner_is_exempt(path: str, report: Any) -> None:
    """A scanner of the option raises no alert."""
    assert raised(path, report(lit(Story()), 70), exempt=("10.0.0.64/29",)) == []
