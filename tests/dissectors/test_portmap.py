"""The port mapper, and calls to the administration daemon."""

from __future__ import annotations

import struct
from itertools import chain

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.portmap import Portmap
from tests.dissectors.samples import events, frames, packets
from tests.native.conversations import received

TCP, UDP = 6, 17


def test_the_sample() -> None:
    """GETPORT, a call to the program found, DUMP, and a later version's answer with an address are reported."""
    datagrams = [packet for packet in packets("portmap") if packet.proto == UDP]
    assert [one for packet in datagrams for one in events(Portmap().dissect(packet))] == [
        ("PortmapCall", 1, "getport", 100232, "sadmind", 10),
        ("PortmapReply", 1, 32773, "", 4),
        ("PortmapAdminCall", 2, 100232, "sadmind", 1, 80),
        ("PortmapCall", 3, "dump", 0, "", 0),
        ("PortmapReply", 3, 0, "", 24),
        ("PortmapCall", 4, "getport", 100003, "nfs", 3),
        ("PortmapReply", 4, 2049, "10.20.30.13.8.1", 24),
    ]


def test_over_tcp() -> None:
    """A dump is reported with its reply in two segments, and after bytes from the middle of a record."""
    segments = [packet for packet in packets("portmap") if packet.proto == TCP and 111 in (packet.sport, packet.dport)]
    expected = [("PortmapCall", 5, "dump", 0, "", 0), ("PortmapReply", 5, 0, "", 24)]
    for first in ([], [Packet(b"the rest of a record", sport=801, dport=111)]):
        stream = Portmap().stream(Packet())
        sent = [stream.feed(packet, packet.payload, packet.dport == 111) for packet in (*first, *segments)]
        assert events(chain.from_iterable(sent)) == expected


def test_a_daemon_on_another_port_over_tcp() -> None:
    """The pipeline recognizes the program behind the mark of the record."""
    messages, malformed, _ = received(frames("portmap"), ("portmap", Portmap()), native=False)
    assert [one[:3] for some in messages for one in some if one[0] == "ServiceCommand"] == [
        ("ServiceCommand", "rpc", "STATUS format string")
    ]
    assert malformed == {}


def test_other_programs_report_nothing() -> None:
    """NFS itself, and data on another port that only looks like a call, yield nothing."""
    call = struct.pack("!IIIIII", 1, 0, 2, 100003, 3, 1) + bytes(16)
    assert list(Portmap().dissect(Packet(call, sport=800, dport=2049))) == []
    assert list(Portmap().dissect(Packet(b"short", sport=800, dport=2049))) == []


@pytest.mark.parametrize(
    ("argument", "kind"),
    [
        (b"%8x%8x%62716x%hn%51859x%hn", "format string"),
        (b"\x18\xf7\xff\xbf" * 32, "overflow"),
        (b"A" * 131, "overflow"),
        (b"host.example.net", ""),
        (bytes(2000), ""),
        (bytes(range(256)) * 8, ""),
    ],
)
def test_arguments_that_no_client_sends(argument: bytes, kind: str) -> None:
    """A call of the status monitor with a format string or a sled; host names and binary data yield nothing."""
    call = struct.pack("!IIIIII", 1, 0, 2, 100024, 1, 1) + bytes(16) + struct.pack("!I", len(argument)) + argument
    odd = [("ServiceCommand", "rpc", f"STATUS {kind}")] if kind else []
    assert events(Portmap().dissect(Packet(call, sport=800, dport=920))) == odd


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
