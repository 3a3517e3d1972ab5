"""NAT-PMP: mappings asked for, answered and taken away."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.nat_pmp import NatPmp
from tests.dissectors.samples import events, packets


def test_the_sample() -> None:
    assert [one for packet in packets("nat_pmp") for one in events(NatPmp().dissect(packet))] == [
        ("NatPmpQuestion",),
        ("NatPmpAddress", 0, parse("203.0.113.7")),
        ("NatPmpRequest", "tcp", 3389, 33890, 7200),
        ("NatPmpAnswer", "tcp", 0, 3389, 33890, 7200),
        ("NatPmpRequest", "udp", 6881, 6881, 3600),
        ("NatPmpAnswer", "udp", 2, 6881, 0, 0),
        ("NatPmpRequest", "tcp", 3389, 0, 0),
        ("NatPmpAddress", 0, parse("203.0.113.8")),
    ]


def test_other_versions_are_left_alone() -> None:
    """PCP has the same port."""
    assert list(NatPmp().dissect(Packet(b"\2\1"))) == []
    assert list(NatPmp().dissect(Packet(b""))) == []


@pytest.mark.parametrize("payload", [b"\0", b"\0\1\0\0\1", b"\0\x81\0\0\0\0", b"\0\x07\0\0\0\0\0\0\0\0"])
def test_malformed(payload: bytes) -> None:
    """Cut short, or no operation there is; not where the capture cut it."""
    with pytest.raises(Malformed):
        list(NatPmp().dissect(Packet(payload)))
    assert list(NatPmp().dissect(Packet(payload, problem=1))) == []
