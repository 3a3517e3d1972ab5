"""PCP: mappings requested, also for other hosts, and responses."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.pcp import Pcp
from tests.dissectors.samples import events, packets


def test_the_sample() -> None:
    """Mappings of a host for itself and for a printer, a response and an announcement are reported."""
    host, printer = parse("10.20.30.14"), parse("10.20.30.41")
    assert [one for packet in packets("pcp")[:5] for one in events(Pcp().dissect(packet))] == [
        ("PcpRequest", "map", host, "tcp", 22, 2222, 3600),
        ("PcpAnswer", "map", 0, "tcp", 22, 2222, parse("203.0.113.7"), 3600),
        ("PcpRequest", "map", printer, "tcp", 9100, 9100, 3600),
        ("PcpRequest", "peer", host, "udp", 5000, 0, 3600),
        ("PcpAnnouncement", True),
    ]


def test_other_versions_are_left_alone() -> None:
    assert list(Pcp().dissect(Packet(b"\1\1"))) == []
    assert list(Pcp().dissect(Packet(b""))) == []


@pytest.mark.parametrize("size", [1, 2, 20, 24, 40, 59])
def test_malformed(size: int) -> None:
    """Short messages are malformed, unless the capture truncated them; so are messages that are too long."""
    payload = packets("pcp")[0].payload[:size]
    with pytest.raises(Malformed):
        list(Pcp().dissect(Packet(payload)))
    assert list(Pcp().dissect(Packet(payload, problem=1))) == []
    with pytest.raises(Malformed):
        list(Pcp().dissect(Packet(b"\2" * 1200)))
