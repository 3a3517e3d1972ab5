"""ICMP for IPv4 and IPv6."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.icmp import Icmp
from tests.dissectors.samples import events, packets
from tests.kit import ipv4

NEAR, FAR = parse("10.20.30.14"), parse("10.20.30.13")


def test_the_sample() -> None:
    """Echoes with size and entropy of their data, queries, errors with the quoted packet, redirects and router
    advertisements are read.
    """
    assert [one for packet in packets("icmp") for one in events(Icmp().dissect(packet))] == [
        ("IcmpEcho", 77, 1, 32, 5.0, 0, "pattern", 32),
        ("IcmpEchoReply", 77, 1, 32, 5.0, 0, "pattern", 32),
        ("IcmpQuery", "timestamp", 20),
        ("IcmpQuery", "mask", 12),
        ("IcmpQueryReply", "mask", 0xFFFFFF00),
        ("IcmpError", "unreachable", 3, NEAR, FAR, 17, 161),
        ("IcmpRedirect", parse("10.20.30.2"), FAR),
        ("IcmpRouterAdvertisement", (parse("10.20.30.1"), parse("10.20.30.2")), 1800, 0),
        ("IcmpEcho", 77, 1, 32, 5.0, 0, "pattern", 32),
        ("IcmpError", "unreachable", 4, parse("fd00::14"), parse("fd00::13"), 17, 161),
    ]


def test_an_error_that_quotes_nothing() -> None:
    """An error without a quoted packet has no addresses."""
    assert events(Icmp().dissect(Packet(b"\x03\x01" + bytes(6), proto=1))) == [
        ("IcmpError", "unreachable", 1, 0, 0, 0, 0)
    ]


def test_entries_of_router_advertisements() -> None:
    """Entries may have more words than address and preference; preferences are signed. A message that has fewer entries
    than it announces, or shorter ones, is malformed.
    """
    first, second = b"\x0a\0\0\1\x80\0\0\0", b"\x0a\0\0\2\xff\xff\xff\xff"
    head = b"\x09\0\0\0\2\3\0\x1e"
    [event] = Icmp().dissect(Packet(head + first + bytes(4) + second + bytes(4), proto=1))
    assert events([event]) == [("IcmpRouterAdvertisement", (parse("10.0.0.1"), parse("10.0.0.2")), 30, -1)]
    for short in (head + first + bytes(4) + second, b"\x09\0\0\0\1\1\0\x1e" + first):
        with pytest.raises(Malformed):
            list(Icmp().dissect(Packet(short, proto=1)))


def test_a_message_that_ends_early() -> None:
    """A message that ends early is malformed, unless the capture truncated it."""
    with pytest.raises(Malformed):
        Icmp().dissect(Packet(b"\x08\0\0\0", proto=1))
    assert list(Icmp().dissect(Packet(b"\x08\0\0\0", proto=1, problem=1))) == []


@pytest.mark.parametrize(
    ("data", "carries"),
    [
        (b"abcdefghijklmnopqrstuvwabcdefghi", "pattern"),
        (bytes(56), "pattern"),
        (bytes(range(7, 23)) + bytes(range(16, 56)), "pattern"),
        (b"", ""),
        (bytes.fromhex("450000540000400040010000") + bytes(72), "packet"),
        (bytes.fromhex("6000000000083a40") + bytes(40), "packet"),
        (b"\xbc\x44" + bytes(10) + b"Transfer of the plans" + bytes(200), "text"),
        (bytes((n * 89) & 255 for n in range(64)), "data"),
    ],
)
def test_what_an_echo_carries(data: bytes, carries: str) -> None:
    """Echo data is classified as a pattern of ping programs, a packet, text or other data."""
    [event] = Icmp().dissect(Packet(b"\x08\0\0\0\0\1\0\2" + data, proto=1))
    assert (event.carries, event.shown) == (carries, len(data))


@pytest.mark.parametrize(
    ("data", "shown", "carries"),
    [
        (bytes.fromhex("450003e80000400040010000") + bytes((n * 89) & 255 for n in range(988)), 86, "packet"),
        (bytes.fromhex("4500005400004000400100000a000001") + bytes((n * 89) & 255 for n in range(984)), 86, "data"),
        (bytes((n * 89) & 255 for n in range(1000)), 40, ""),
        (bytes(16) + bytes(range(16, 200)) * 5, 86, "pattern"),
    ],
)
def test_what_a_truncated_echo_carries(data: bytes, shown: int, carries: str) -> None:
    """The size is that on the wire, and a length field must equal it; too short a beginning is not classified."""
    frame = ipv4(b"\x08\0\0\0\0\1\0\2" + data, 1)
    packet = Packet(
        b"\x08\0\0\0\0\1\0\2" + data[:shown], proto=1, problem=1, wirelen=len(frame),
        frame=frame[: len(frame) - len(data) + shown],
    )  # fmt: skip
    [event] = Icmp().dissect(packet)
    assert (event.size, event.shown, event.carries) == (len(data), shown, carries)
