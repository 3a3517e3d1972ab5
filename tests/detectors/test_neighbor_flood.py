"""Announcements of spoofed neighbors: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.cdp import Cdp, CdpAnnouncement
from sensor.dissectors.stp import StpConfiguration, StpTopologyChange
from tests.detectors.stories import START, detector, inspected, one
from tests.dissectors.samples import packets

FLOOD = "impact.neighbor_flood"


def announcement(n: int, *, per_second: float = 100) -> Event:
    """A switch announcement of the small captures, with another sender."""
    event = next(iter(Cdp().dissect(packets("cdp")[0])))
    assert isinstance(event, CdpAnnouncement)
    event.packet = Packet(ts=START + int(n / per_second * SECOND), src_mac=0x020000000000 + n)
    event.chassis = f"R{n}"
    return event


def test_hundreds_of_neighbors() -> None:
    """150 neighbors within ten seconds raise an alert."""
    alert = one(inspected(detector(FLOOD), [announcement(n) for n in range(200)]))
    assert (alert.severity, alert.numbers["neighbors"], alert.techniques[0].technique) == (
        Severity.medium,
        150,
        "T1499",
    )


def bridge(at: float, mac: int = 7, *, changed: bool | None = None) -> Event:
    """A topology change notification, or a configuration message of a bridge."""
    packet = Packet(ts=START + int(at * SECOND), src_mac=mac)
    if changed is None:
        return StpTopologyChange(packet)
    return StpConfiguration(packet, "rstp", 1, 0x8000, 4, mac, 0x8000, 1, changed, 0, "")


@pytest.mark.parametrize("changed", [None, True])
def test_topology_changes_without_end(changed: bool | None) -> None:
    """40 topology changes of one sender within ten seconds raise an alert that names it."""
    alert = one(inspected(detector(FLOOD), [bridge(n / 20, changed=changed) for n in range(100)]))
    assert (alert.severity, alert.numbers["changes"], alert.actor.mac) == (Severity.medium, 40, 7)


def test_spoofed_bridges() -> None:
    """150 bridges within ten seconds raise an alert."""
    story = [bridge(n / 100, 0x020000000000 + n, changed=False) for n in range(200)]
    assert one(inspected(detector(FLOOD), story)).numbers["neighbors"] == 150


def test_a_tree_that_changes_is_quiet() -> None:
    """Bridges that announce a change every two seconds, and their usual messages, raise no alert."""
    story = [bridge(2 * n + mac / 50, mac) for n in range(60) for mac in range(48)]
    assert inspected(detector(FLOOD), story) == []
    assert inspected(detector(FLOOD), [bridge(n / 20, changed=False) for n in range(400)]) == []


def test_benign_twins_are_quiet() -> None:
    """A large segment, and one neighbor that repeats its announcement, raise no alert."""
    assert inspected(detector(FLOOD), [announcement(n, per_second=5) for n in range(200)]) == []
    assert inspected(detector(FLOOD), [announcement(7) for _ in range(200)]) == []


def test_repetition_is_one_finding() -> None:
    """A flood of thousands is one alert."""
    assert one(inspected(detector(FLOOD), [announcement(n) for n in range(600)]))
