"""Clients without a DHCP lease: the failure, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.arp import ArpAnnouncement
from sensor.dissectors.dhcp import DhcpAck, DhcpDiscover, DhcpOffer
from tests.detectors.stories import START, detector, inspected

FAILURE = "device.dhcp_failure"
CLIENT, OTHER = 0x020000000001, 0x020000000002


def packet(at: float, mac: int) -> Packet:
    return Packet(ts=START + int(at * SECOND), src_mac=mac, sport=68, dport=67)


def asks(at: float, mac: int = CLIENT) -> Event:
    return DhcpDiscover(packet(at, mac), 1, int(at), mac)


def served(at: float, mac: int, kind: type[DhcpOffer | DhcpAck] = DhcpAck) -> Event:
    return kind(packet(at, 9), 5, 7, mac, offered=parse("10.0.0.9"))


def made_up(at: float) -> Event:
    return ArpAnnouncement(packet(at, CLIENT), CLIENT, parse("169.254.7.8"), parse("169.254.7.8"))


def test_eight_questions_without_an_answer() -> None:
    """Eight requests without an answer raise an alert, also while other clients are served."""
    [alert] = inspected(detector(FAILURE), [served(0, OTHER), *(asks(1 + n * 10) for n in range(10))])
    assert (alert.actor.mac, alert.numbers["tries"], alert.severity) == (CLIENT, 8, Severity.low)


def test_an_address_of_its_own_making() -> None:
    """A client with a link-local address raises an alert where a server serves others."""
    [alert] = inspected(detector(FAILURE), [served(0, OTHER), made_up(5)])
    assert alert.actor.address == parse("169.254.7.8")


def test_benign_twins_are_quiet() -> None:
    """Slow requests, answered requests, and a segment without a server raise no alert."""
    slow = [asks(n * 60) for n in range(30)]
    answered = [event for n in range(20) for event in (asks(n * 10), served(n * 10 + 0.1, CLIENT, DhcpOffer))]
    for story in (slow, answered, [made_up(5)]):
        assert inspected(detector(FAILURE), story) == []


def test_repetition_is_reported_once_an_hour() -> None:
    """A failure of forty minutes is reported once."""
    assert len(inspected(detector(FAILURE), [asks(n * 10) for n in range(240)])) == 1
