"""RTCP: reports and the names of their sender; names of other sources and encrypted ones are ignored."""

from __future__ import annotations

import struct

import pytest

from pcaps.dissectors.rtcp import chunk, part
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.rtcp import Rtcp
from tests.dissectors.samples import events, facts, packets, values


def test_sample() -> None:
    """Every report of the sample yields its event, and the names of the sender observations."""
    parsed = [one for packet in packets("rtcp") for one in Rtcp().dissect(packet)]
    assert events(parsed) == [
        ("RtcpReport", 0xA11CE, True, 250, 40000, 0.25, "Yealink SIP-T46S", False),
        ("RtcpReport", 0xA11CE, True, 250, 40000, 0.0, "", False),
        ("RtcpReport", 0xB0B, False, 0, 0, 0.25, "", False),
        ("RtcpReport", 0xB0B, False, 0, 0, 0.0, "Asterisk", False),
        ("RtcpReport", 0xA11CE, False, 0, 0, 0.0, "", False),
        ("RtcpReport", 0xA11CE, False, 0, 0, 0.0, "", True),
    ]
    phone, pbx = ("02:00:5e:00:53:02", "10.20.30.12"), ("02:00:5e:00:53:05", "10.20.30.5")
    assert facts(parsed) == [
        (*phone, "rtcp.cname", "212@10.20.30.12"),
        (*phone, "rtcp.tool", "Yealink SIP-T46S"),
        (*pbx, "rtcp.cname", "pbx@10.20.30.5"),
        (*pbx, "rtcp.cname", "pbx@10.20.30.5"),
        (*pbx, "rtcp.tool", "Asterisk"),
        (*phone, "rtcp.cname", "212@10.20.30.12"),
    ]


def test_items_longer_than_their_chunk() -> None:
    """An item longer than its chunk is omitted."""
    report = part(0, 201, struct.pack("!I", 7)) + part(1, 202, struct.pack("!IBB2s", 7, 6, 9, b"ab"))
    assert values(Rtcp().dissect(Packet(report))) == []


def test_empty_item() -> None:
    """An empty tool name is omitted."""
    report = part(0, 201, struct.pack("!I", 7)) + part(1, 202, chunk(7, (6, "")))
    assert values(Rtcp().dissect(Packet(report))) == []


@pytest.mark.parametrize("payload", [b"", b"\x80\x00\0\1" + bytes(8), b"\x80\xc8\0\6" + bytes(8)])
def test_malformed(payload: bytes) -> None:
    """Media packets, and reports longer than their datagram, are malformed."""
    with pytest.raises(Malformed):
        list(Rtcp().dissect(Packet(payload)))


def test_cut_by_the_capture() -> None:
    """A truncated report yields nothing and is not malformed."""
    assert list(Rtcp().dissect(Packet(b"\x80\xc8\0\6" + bytes(8), problem=1))) == []
