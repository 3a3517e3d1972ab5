"""IGMP: multicast group membership."""

from __future__ import annotations

import struct

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.igmp import Igmp
from tests.dissectors.samples import events, facts, packets, values


def dissect(payload: bytes, ttl: int = 1, problem: int = 0) -> list[object]:
    return list(
        Igmp().dissect(
            Packet(payload, src=parse("10.0.0.5"), src_mac=0x020000000005, proto=2, ttl=ttl, problem=problem)
        )
    )


def report(*records: tuple[int, str, int]) -> bytes:
    body = b"".join(
        struct.pack("!BBHI", kind, 0, sources, parse(group) & 0xFFFFFFFF) + bytes(4 * sources)
        for kind, group, sources in records
    )
    return struct.pack("!BBHHH", 0x22, 0, 0, 0, len(records)) + body


def test_the_sample() -> None:
    """Queries and reports of all versions, a leave message, and router discovery are reported."""
    group = parse("224.0.1.75")
    assert [one for packet in packets("igmp") for one in events(Igmp().dissect(packet))] == [
        ("IgmpQuery", 2, 0),
        ("IgmpQuery", 3, group),
        ("IgmpReport", 2, (group,), ()),
        ("IgmpReport", 1, (parse("239.255.255.250"),), ()),
        ("IgmpReport", 2, (), (parse("239.1.2.3"),)),
        (
            "IgmpReport", 3, (parse("239.255.255.250"), parse("224.0.0.251"), parse("232.1.1.1")),
            (parse("239.255.255.251"), parse("232.1.1.2")),
        ),
        ("IgmpRouter", True, False),
        ("IgmpRouter", False, True),
    ]  # fmt: skip


def test_a_phone_waits_for_its_settings() -> None:
    """A joined group is an observation about the sender."""
    assert facts(Igmp().dissect(packets("igmp")[2])) == [
        ("02:00:5e:00:53:02", "10.20.30.12", "igmp.group", "224.0.1.75")
    ]


@pytest.mark.parametrize(
    ("kind", "sources", "joined", "left"),
    [
        (1, 0, 0, 0),
        (1, 2, 1, 0),
        (2, 0, 1, 0),
        (3, 0, 0, 1),
        (3, 1, 1, 0),
        (4, 0, 1, 0),
        (4, 3, 1, 0),
        (5, 1, 1, 0),
        (6, 1, 0, 1),
        (9, 0, 0, 0),
    ],
)
def test_what_records_mean(kind: int, sources: int, joined: int, left: int) -> None:
    """An empty list of included sources leaves the group (RFC 3376, 4.2.12)."""
    event = dissect(report((kind, "239.1.2.3", sources)))[0]
    assert (len(event.joined), len(event.left)) == (joined, left)


def test_a_group_that_is_none_is_left_out() -> None:
    """A record with a unicast address is omitted."""
    assert values(dissect(report((4, "10.0.0.1", 0), (4, "239.1.2.3", 0)))) == [("igmp.group", "239.1.2.3")]


def test_from_afar() -> None:
    """Messages that were forwarded, other uses of the protocol number and empty ones yield nothing."""
    assert dissect(report((4, "239.1.2.3", 0)), ttl=64) == []
    assert dissect(b"\x14" + bytes(11)) == []
    assert dissect(b"") == []


@pytest.mark.parametrize(
    "payload",
    [
        b"\x16\0\0\0\xe0",
        b"\x16\0\0\0" + bytes(4),
        b"\x16\0\0\0\x0a\0\0\1",
        report((4, "239.1.2.3", 3))[:-1],
        b"\x22\0\0\0\0\0\xff\xff",
        b"\x11\0\0",
    ],
)
def test_malformed(payload: bytes) -> None:
    """Messages that end early or join no group are malformed, unless the capture truncated them."""
    with pytest.raises(Malformed):
        dissect(payload)
