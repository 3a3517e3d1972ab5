"""Malformed messages: many of one sender, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.batch import Problem
from sensor.core.event import Event, MalformedMessage
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from tests.detectors.stories import START, detector, inspected

MALFORMED = "device.malformed_traffic"
SENDER, RECEIVER = "10.0.0.66", "10.0.0.5"


def broken(at: float, dissector: str = "sip", *, src: str = SENDER, truncated: bool = False) -> Event:
    ends = {"src": parse(src), "dst": parse(RECEIVER), "sport": 5060, "dport": 5060, "proto": 17}
    packet = Packet(ts=START + int(at * SECOND), **ends, problem=Problem.CUT if truncated else 0)
    return MalformedMessage(packet, dissector)


def test_five_of_one_sender() -> None:
    """Five malformed messages of one protocol within ten minutes raise an alert."""
    [alert] = inspected(detector(MALFORMED), [broken(n * 60) for n in range(6)])
    assert (alert.actor.address, alert.numbers["messages"], alert.severity) == (parse(SENDER), 5, Severity.low)
    assert alert.network == {"proto": "udp", "app": "sip", "vlan": 0, "direction": "internal"}


def test_benign_twins_are_quiet() -> None:
    """One each of many senders or protocols, truncated messages, and one in five minutes raise no alert."""
    many = [broken(n, src=f"10.0.1.{n + 1}") for n in range(50)]
    protocols = [broken(n, f"protocol{n}") for n in range(50)]
    cut = [broken(n, truncated=True) for n in range(50)]
    slow = [broken(n * 300) for n in range(50)]
    for story in (many, protocols, cut, slow):
        assert inspected(detector(MALFORMED), story) == []


def test_repetition_is_reported_once_in_ten_minutes() -> None:
    """A hundred malformed messages within nine minutes are reported once."""
    assert len(inspected(detector(MALFORMED), [broken(n * 5) for n in range(100)])) == 1
