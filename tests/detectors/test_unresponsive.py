"""Devices that stopped responding: the failure, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.arp import ArpReply, ArpRequest
from tests.detectors.stories import START, World, detector, device, inspected

SILENT = "device.unresponsive"
ASKER, DEVICE = 0x020000000001, 0x020000000002
PLACE = "10.0.0.5"


def packet(at: float, mac: int) -> Packet:
    return Packet(ts=START + int(at * SECOND), src_mac=mac, ethertype=0x0806, ip_version=0, proto=0)


def asks(at: float) -> Event:
    return ArpRequest(packet(at, ASKER), ASKER, parse("10.0.0.1"), parse(PLACE))


def answers(at: float) -> Event:
    return ArpReply(packet(at, DEVICE), DEVICE, parse(PLACE), parse("10.0.0.1"))


def test_a_device_that_answered_once() -> None:
    """A silent printer is low, other devices are informational."""
    story = [asks(0), answers(0.1), *(asks(10 + n * 10) for n in range(10))]
    [alert] = inspected(detector(SILENT), story)
    assert (alert.actor.mac, alert.numbers["tries"], alert.severity) == (DEVICE, 8, Severity.info)
    [alert] = inspected(detector(SILENT, World(device("printer", PLACE))), story)
    assert alert.severity == Severity.low


def test_benign_twins_are_quiet() -> None:
    """An address without a host, a device that answers, and rare requests raise no alert."""
    no_listener = [asks(n) for n in range(50)]
    there = [event for n in range(50) for event in (asks(n), answers(n + 0.1))]
    seldom = [answers(0), *(asks(n * 60) for n in range(50))]
    for story in (no_listener, there, seldom):
        assert inspected(detector(SILENT), story) == []


def test_repetition_is_reported_once_an_hour() -> None:
    """Continuous requests to a silent device are reported once an hour."""
    assert len(inspected(detector(SILENT), [answers(0), *(asks(1 + n * 5) for n in range(500))])) == 1
