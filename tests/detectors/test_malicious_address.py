"""Connections with addresses of threat lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.alerts.aggregation import AlertAggregator
from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.intel.store import ThreatLists
from tests.detectors.stories import START, Story, World, device, raised

LISTED = "command_and_control.malicious_address"


@pytest.fixture
def lists(tmp_path: Path) -> ThreatLists:
    (tmp_path / "feodo.txt").write_text("203.0.113.66 # Emotet\n198.51.100.0/24\n")
    return ThreatLists([tmp_path / "feodo.txt"])


def test_an_answered_contact_is_reported_and_raised(lists: ThreatLists) -> None:
    """An attempt is medium, an answer high, as one alert with list, entry, direction, bytes and ends."""
    found = raised(
        LISTED,
        Story().flow(1, "10.0.0.5", "203.0.113.66", 443, answered=True, ended=60, packets=(10, 8)),
        World(lists=lists),
    )
    assert [alert.severity for alert in found] == [Severity.medium, Severity.high, Severity.high]
    assert len({alert.key for alert in found}) == 1
    last = found[-1]
    assert last.target is not None
    assert (last.actor.address, last.target.address, last.target_port) == (
        parse("10.0.0.5"),
        parse("203.0.113.66"),
        443,
    )
    assert last.numbers == {
        "list": "feodo",
        "entry": "203.0.113.66",
        "category": "Emotet",
        "answered": 1,
        "client_bytes": 1000,
        "server_bytes": 800,
    }
    assert last.network["direction"] == "outbound"
    assert "10.0.0.5 contacted 203.0.113.66" in last.summary
    desk = AlertAggregator()
    assert [action for alert in found for action, _ in desk.take(alert)] == ["open", "update"]


def test_a_device_with_one_job_is_more_severe(lists: ThreatLists) -> None:
    """A camera's attempt is high, an answered connection critical."""
    found = raised(
        LISTED,
        Story().flow(1, "10.0.0.5", "198.51.100.9", 8080, answered=True),
        World(device("camera", "10.0.0.5"), lists=lists),
    )
    assert [alert.severity for alert in found] == [Severity.high, Severity.critical]


def test_a_connection_attempt_from_outside_is_low_until_answered(lists: ThreatLists) -> None:
    """Attempts by listed external addresses are low until they are answered."""
    story = Story().flow(1, "203.0.113.66", "10.0.0.5", 22, ended=30)
    assert [alert.severity for alert in raised(LISTED, story, World(lists=lists))] == [Severity.low]
    answered = Story().flow(1, "203.0.113.66", "10.0.0.5", 22, answered=True)
    [_, alert] = raised(LISTED, answered, World(lists=lists))
    assert (alert.severity, alert.network["direction"]) == (Severity.high, "inbound")
    assert "10.0.0.5 was contacted by 203.0.113.66" in alert.summary


def test_a_pair_is_reported_once_a_day(lists: ThreatLists) -> None:
    """A thousand beacons are one alert for each stage; another pair is another alert."""
    story = Story()
    for n in range(1000):
        story.flow(n * 60, "10.0.0.5", "203.0.113.66", 443, answered=True, ended=5, packets=(3, 3))
    assert len(raised(LISTED, story, World(lists=lists))) == 3
    story.flow(100_000, "10.0.0.5", "203.0.113.66", 443).flow(100_001, "10.0.0.6", "203.0.113.66", 443)
    assert [alert.ts - START for alert in raised(LISTED, story, World(lists=lists))[3:]] == [
        100_000 * 10**9,
        100_001 * 10**9,
    ]


def test_everything_else_is_quiet(lists: ThreatLists) -> None:
    """Neighbors of listed addresses, private addresses, and missing lists raise no alert."""
    story = (
        Story()
        .flow(1, "10.0.0.5", "203.0.113.67", 443, answered=True, ended=9)
        .flow(2, "10.0.0.5", "10.0.0.6", 443, answered=True)
    )
    assert raised(LISTED, story, World(lists=lists)) == []
    assert raised(LISTED, Story().flow(1, "10.0.0.5", "203.0.113.66", 443, answered=True)) == []
