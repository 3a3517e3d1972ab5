"""Ping sweeps and service sweeps: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from typing import Any

import pytest

from sensor.core.alert import Alert, Severity
from sensor.core.time_units import SECOND
from tests.detectors.stories import PING, START, Story, World, device, in_time, lit, one, raised

ICMP, SERVICE = "discovery.icmp_sweep", "discovery.service_sweep"
DAY = 86400
SOURCE = "10.0.0.66"


def pings(story: Story, count: int, at: float = 1, step: float = 0.2, **how: bool) -> Story:
    for n in range(count):
        story.flow(at + n * step, SOURCE, f"10.0.5.{n + 1}", 8, proto=PING, **how)
    return story


def attempts(story: Story, count: int, at: float = 1, step: float = 2, port: int = 22) -> Story:
    """A connection that is answered and ends after a few packets."""
    for n in range(count):
        story.converse(at + n * step, SOURCE, f"10.0.5.{n + 1}", port, lasts=1, messages=(5, 4))
    return story


def severities(found: list[Alert]) -> list[Severity]:
    return [alert.severity for alert in found]


def test_sixty_pings_are_a_sweep() -> None:
    """Sixty pings are a sweep, with or without answers: low at first, medium if the hosts are not pinged again."""
    for answered in (False, True):
        alert = one(raised(ICMP, pings(lit(Story()), 60, answered=answered)))
        assert (alert.severity, alert.numbers["targets"]) == (Severity.low, 50)
        assert severities(in_time(ICMP, pings(lit(Story()), 60, answered=answered))) == [Severity.low, Severity.medium]
    assert one(raised(ICMP, pings(lit(Story()), 60), World(device("camera", SOURCE)))).severity == Severity.high


def test_knocking_at_many_hosts_is_a_sweep() -> None:
    """SSH connections to twenty hosts without a login are a sweep, immediately if there is no time to wait."""
    first, last = in_time(SERVICE, attempts(lit(Story()), 20))
    assert (first.severity, first.numbers["hosts"], first.target_port) == (Severity.low, 15, 22)
    assert (last.severity, last.numbers, last.key) == (Severity.medium, first.numbers, first.key)
    assert severities(in_time(SERVICE, attempts(lit(Story()), 20), wait_s=0)) == [Severity.medium]


@pytest.mark.parametrize("port", [23, 135, 445, 3389, 5900, 5985])
def test_services_with_which_intruders_spread_do_not_wait(port: int) -> None:
    assert severities(in_time(SERVICE, attempts(lit(Story()), 20, port=port))) == [Severity.medium]


@pytest.mark.parametrize("port", [102, 502, 2404, 20000, 44818])
def test_controllers_that_are_identified(port: int) -> None:
    """A tool that asks twenty controllers what they are sweeps; a control server that stays connected does not, and one
    that connects to them each minute is reported with low severity once.
    """
    assert severities(in_time(SERVICE, attempts(lit(Story()), 20, port=port))) == [Severity.low, Severity.medium]
    staying, polling = lit(Story()), lit(Story())
    for n in range(20):
        staying.converse(1 + n, SOURCE, f"10.0.5.{n + 1}", port, lasts=200, messages=(80, 80))
    for turn in range(20):
        attempts(polling, 20, at=1 + turn * 60, port=port)
    assert raised(SERVICE, staying) == []
    assert severities(in_time(SERVICE, polling)) == [Severity.low]


@pytest.mark.parametrize(
    ("path", "report", "hosts"), [(ICMP, pings, 60), (SERVICE, attempts, 20)], ids=["ping", "service"]
)
def test_monitoring_that_begins_stays_low(path: str, report: Any, hosts: int) -> None:
    """The same hosts, contacted each one or five minutes, are reported with low severity once, although two of them are
    contacted once only.
    """
    for every in (60, 300):
        story = lit(Story())
        for turn in range(1800 // every):
            report(story, hosts - 2 if turn else hosts, at=1 + turn * every)
        assert severities(in_time(path, story)) == [Severity.low]


@pytest.mark.parametrize(
    ("path", "report", "hosts"), [(ICMP, pings, 60), (SERVICE, attempts, 20)], ids=["ping", "service"]
)
def test_a_sweep_that_is_repeated_is_no_monitoring(path: str, report: Any, hosts: int) -> None:
    """A sweep that runs twice, one that repeats at once, and one that repeats less than most hosts are medium after
    eleven minutes.
    """
    for starts, again in (((1, 200), hosts), ((1, 130, 600), hosts), ((1, 101, 201), hosts // 2)):
        story = lit(Story())
        for turn, at in enumerate(starts):
            report(story, again if turn else hosts, at=at)
        found = in_time(path, story.converse(695, "10.0.0.9", "10.0.5.1", 80))
        assert severities(found) == [Severity.low, Severity.medium]
        assert 660 * SECOND <= found[1].ts - found[0].ts < 690 * SECOND


def test_monitoring_that_goes_astray_is_a_sweep() -> None:
    """A monitoring host that contacts twenty other hosts is reported, also after its own hosts are known."""
    story = lit(Story())
    for turn in range(30):
        attempts(story, 20, at=1 + turn * 60)
    for n in range(20):
        story.converse(1000 + n, SOURCE, f"10.0.7.{n + 1}", 22, lasts=1, messages=(5, 4))
    found = in_time(SERVICE, story)
    assert severities(found) == [Severity.low, Severity.low, Severity.medium]
    assert found[2].ts > START + 1600 * SECOND


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
