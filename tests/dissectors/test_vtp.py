"""VTP: domain and revision of the list of VLANs."""

from __future__ import annotations

import pytest

from pcaps.dissectors.vtp import message
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.vtp import SNAP, Vtp
from tests.dissectors.samples import events, packets


def test_sample() -> None:
    assert [one for packet in packets("vtp") for one in events(Vtp().dissect(packet))] == [
        ("VtpMessage", "summary", "campus", 41),
        ("VtpMessage", "summary", "campus", 42),
        ("VtpMessage", "list", "campus", 42),
    ]


@pytest.mark.parametrize("payload", [b"", b"\x01", message(3, 7), message(1, 7, version=3)])
def test_others_report_nothing(payload: bytes) -> None:
    """Requests and another version yield nothing, nor does a truncated message."""
    assert list(Vtp().dissect(Packet(SNAP + payload, ethertype=0x2003))) == []
    assert list(Vtp().dissect(Packet(SNAP + message(1, 7)[:20], ethertype=0x2003, problem=1))) == []


@pytest.mark.parametrize("payload", [message(1, 7)[:39], b"\x01\x01\x00\x21" + bytes(68)])
def test_malformed(payload: bytes) -> None:
    """A message that ends early, and a domain that is too long."""
    with pytest.raises(Malformed):
        list(Vtp().dissect(Packet(SNAP + payload, ethertype=0x2003)))
