"""NAT-PMP, version 0 of PCP: mappings requested, granted, rejected and removed."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.pcp import Pcp
from tests.dissectors.samples import events, packets


def test_the_sample() -> None:
    assert [one for packet in packets("pcp")[5:] for one in events(Pcp().dissect(packet))] == [
        ("NatPmpQuestion",),
        ("NatPmpAddress", 0, parse("203.0.113.7")),
        ("NatPmpRequest", "tcp", 3389, 33890, 7200),
        ("NatPmpAnswer", "tcp", 0, 3389, 33890, 7200),
        ("NatPmpRequest", "udp", 6881, 6881, 3600),
        ("NatPmpAnswer", "udp", 2, 6881, 0, 0),
        ("NatPmpRequest", "tcp", 3389, 0, 0),
        ("NatPmpAddress", 0, parse("203.0.113.8")),
    ]


@pytest.mark.parametrize("payload", [b"\0", b"\0\1\0\0\1", b"\0\x81\0\0\0\0", b"\0\x07\0\0\0\0\0\0\0\0"])
def test_malformed(payload: bytes) -> None:
    """Short messages and unknown opcodes are malformed, unless the capture truncated them."""
    with pytest.raises(Malformed):
        list(Pcp().dissect(Packet(payload)))
    assert list(Pcp().dissect(Packet(payload, problem=1))) == []
