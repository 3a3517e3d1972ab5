"""S7 communication: functions that clients call, and the order number of the controller."""

from __future__ import annotations

import pytest

from pcaps.dissectors.s7comm import message, tpkt
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.s7comm import S7comm
from tests.dissectors.samples import events, facts, packets


def feed(*parts: tuple[bool, bytes]) -> list[object]:
    stream = S7comm().stream(Packet())
    return [parsed for from_client, part in parts for parsed in stream.feed(Packet(proto=6), part, from_client)]


def test_sample() -> None:
    """Reads are reported once, writes and commands always; the order number is the controller's."""
    stream = S7comm().stream(Packet())
    parsed = [one for packet in packets("s7comm") for one in stream.feed(packet, packet.payload, packet.dport == 102)]
    assert events(parsed) == [
        ("SimaticRequest", 0xF0, "setup", False),
        ("SimaticRequest", 0x04, "read", False),
        ("SimaticRequest", 0x05, "write", True),
        ("SimaticRequest", 0x1A, "download request", True),
        ("SimaticRequest", 0x28, "insert blocks", True),
        ("SimaticRequest", 0x29, "stop", True),
        ("SimaticRequest", 0x28, "start", True),
    ]
    server = ("02:00:5e:00:53:03", "10.20.30.13")
    assert facts(parsed) == [
        (*server, "s7comm.role", "S7 server"),
        (*server, "s7comm.order_number", "6ES7 315-2EH14-0AB0"),
    ]


def test_cut_anywhere() -> None:
    """A message in two segments is one request."""
    stop = message(1, b"\x29" + bytes(5) + b"\x09P_PROGRAM")
    for at in range(1, len(stop)):
        assert events(feed((True, stop[:at]), (True, stop[at:]))) == [("SimaticRequest", 0x29, "stop", True)]


def test_others_on_the_port() -> None:
    """MMS and S7comm-plus, over the same transport, yield nothing; data that is not TPKT is malformed."""
    assert feed((True, tpkt(b"\x02\xf0\x80" + b"\x72\x01\x00\x10" + bytes(16)))) == []
    assert feed((True, tpkt(b"\x02\xf0\x80"))) == []
    with pytest.raises(Malformed):
        feed((True, b"GET / HTTP/1.1\r\n"))
