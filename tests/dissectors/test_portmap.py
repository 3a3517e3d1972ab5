"""The port mapper, and calls to the administration daemon."""

from __future__ import annotations

import struct

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.portmap import Portmap
from tests.dissectors.samples import events, packets


def test_the_sample() -> None:
    """GETPORT, a call to the program found, DUMP, and a later version's answer with an address are reported."""
    assert [one for packet in packets("portmap") for one in events(Portmap().dissect(packet))] == [
        ("PortmapCall", 1, "getport", 100232, "sadmind", 10),
        ("PortmapReply", 1, 32773, "", 4),
        ("PortmapAdminCall", 2, 100232, "sadmind", 1, 80),
        ("PortmapCall", 3, "dump", 0, "", 0),
        ("PortmapReply", 3, 0, "", 24),
        ("PortmapCall", 4, "getport", 100003, "nfs", 3),
        ("PortmapReply", 4, 2049, "10.20.30.13.8.1", 24),
    ]


def test_other_programs_report_nothing() -> None:
    """NFS itself, and data on another port that only looks like a call, yield nothing."""
    call = struct.pack("!IIIIII", 1, 0, 2, 100003, 3, 1) + bytes(16)
    assert list(Portmap().dissect(Packet(call, sport=800, dport=2049))) == []
    assert list(Portmap().dissect(Packet(b"short", sport=800, dport=2049))) == []


@pytest.mark.parametrize(
    "payload",
    [
        b"short",
        struct.pack("!III", 1, 7, 2),
        struct.pack("!IIIIIIII", 1, 0, 2, 100000, 2, 3, 0, 9999),
        struct.pack("!III", 1, 1, 0),
    ],
)
def test_malformed(payload: bytes) -> None:
    """Messages that end early, are neither call nor reply, or have oversized credentials are malformed."""
    with pytest.raises(Malformed):
        Portmap().dissect(Packet(payload, sport=111, dport=111))
