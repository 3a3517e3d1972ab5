"""SRTP: services requested of GE controllers."""

from __future__ import annotations

import pytest

from pcaps.dissectors.srtp import OPENED, OPENING, answer, request
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.srtp import Srtp
from tests.dissectors.samples import events, packets, values


def feed(*parts: tuple[bool, bytes]) -> list[object]:
    stream = Srtp().stream(Packet())
    return [parsed for from_client, part in parts for parsed in stream.feed(Packet(proto=6), part, from_client)]


def test_sample() -> None:
    """Reads are reported once, writes and commands always; the host that answers is a controller."""
    parsed = feed(*[(packet.dport == 18245, packet.payload) for packet in packets("srtp")])
    assert events(parsed) == [
        ("SrtpRequest", 0x00, "status", False),
        ("SrtpRequest", 0x04, "read memory", False),
        ("SrtpRequest", 0x07, "write", True),
        ("SrtpRequest", 0x23, "change mode", True),
    ]
    assert values(parsed) == [("srtp.role", "SRTP server")]


def test_cut_anywhere() -> None:
    stop = request(0x23)
    for at in range(1, len(stop), 5):
        assert len(events(feed((True, OPENING + stop[:at]), (True, stop[at:] + stop)))) == 2


def test_others_report_nothing() -> None:
    """Other protocols, connections from their middle, and unknown services."""
    for data in (b"GET / HTTP/1.1\r\n" + bytes(60), request(0x23), OPENED):
        assert feed((True, data), (True, request(0x23))) == []
    assert feed((True, OPENING), (True, request(0x7F)), (True, answer())) == []


def test_malformed() -> None:
    with pytest.raises(Malformed):
        feed((True, OPENING), (True, b"\x09" * 56))
