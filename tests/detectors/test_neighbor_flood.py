"""Announcements of spoofed neighbors: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.cdp import Cdp, CdpAnnouncement
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


def test_benign_twins_are_quiet() -> None:
    """A large segment, and one neighbor that repeats its announcement, raise no alert."""
    assert inspected(detector(FLOOD), [announcement(n, per_second=5) for n in range(200)]) == []
    assert inspected(detector(FLOOD), [announcement(7) for _ in range(200)]) == []


def test_repetition_is_one_finding() -> None:
    """A flood of thousands is one alert."""
    assert one(inspected(detector(FLOOD), [announcement(n) for n in range(600)]))
