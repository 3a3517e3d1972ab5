"""DNP3: functions that masters call at outstations, over TCP and UDP."""

from __future__ import annotations

import pytest

from pcaps.dissectors.dnp3 import message
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.dnp3 import Dnp3
from tests.dissectors.samples import events, facts, packets


def feed(*parts: bytes) -> list[object]:
    stream = Dnp3().stream(Packet())
    return [parsed for part in parts for parsed in stream.feed(Packet(proto=6), part, True)]


def test_sample() -> None:
    """Reads are reported once, commands always; a response identifies the outstation."""
    stream, parsed = Dnp3().stream(Packet()), []
    for packet in packets("dnp3"):
        parsed += (
            stream.feed(packet, packet.payload, packet.dport == 20000) if packet.proto == 6 else Dnp3().dissect(packet)
        )
    assert events(parsed) == [
        ("Dnp3Request", 3, 4, 1, "read", False),
        ("Dnp3Request", 3, 4, 3, "select", False),
        ("Dnp3Request", 3, 4, 4, "operate", True),
        ("Dnp3Request", 3, 4, 0, "confirm", False),
        ("Dnp3Request", 3, 4, 13, "cold restart", True),
    ]
    assert facts(parsed) == [("02:00:5e:00:53:03", "10.20.30.13", "dnp3.role", "DNP3 outstation")]


def test_cut_anywhere() -> None:
    """A frame in two segments is one request; the length includes the checksums of each block."""
    operate = message(4, bytes(40))
    for at in range(1, len(operate)):
        assert events(feed(operate[:at], operate[at:])) == [("Dnp3Request", 3, 4, 4, "operate", True)]


def test_others_report_nothing() -> None:
    """A later fragment, an unknown function and a datagram of another protocol yield nothing; bytes that are not a
    frame are malformed.
    """
    assert feed(message(4, transport=0x81)) == feed(message(99)) == []
    assert list(Dnp3().dissect(Packet(b"\x05\x63\x08\xc4"))) == []
    with pytest.raises(Malformed):
        feed(b"GET / HTTP/1.1\r\n")
