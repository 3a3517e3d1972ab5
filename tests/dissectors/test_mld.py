"""MLD: IPv6 multicast group membership."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.mld import Mld
from tests.dissectors.samples import events, facts, packets, values


def dissect(payload: bytes, ttl: int = 1) -> list[object]:
    return list(
        Mld().dissect(Packet(payload, src=parse("fe80::5"), src_mac=0x020000000005, ip_version=6, proto=58, ttl=ttl))
    )


def test_the_sample() -> None:
    """A query, reports of both versions, a leave message and multicast router discovery are reported."""
    assert [one for packet in packets("mld") for one in events(Mld().dissect(packet))] == [
        ("MldQuery", 2, 0),
        ("MldReport", 1, (parse("ff02::fb"),), ()),
        ("MldReport", 1, (), (parse("ff05::1:3"),)),
        ("MldReport", 2, (parse("ff02::c"), parse("ff02::1:ff00:5306")), (parse("ff02::1:3"),)),
        ("MldReport", 1, (parse("ff02::1:3"),), ()),
        ("MldRouter", True, False),
        ("MldRouter", False, True),
        ("MldRouter", False, False),
    ]


def test_facts() -> None:
    """A query gives the querier role; joined groups are reported, except solicited-node groups."""
    assert facts(Mld().dissect(packets("mld")[0])) == [
        ("02:00:5e:00:53:01", "fe80::5eff:fe00:5301", "mld.role", "querier")
    ]
    assert values(Mld().dissect(packets("mld")[5])) == [("mld.role", "multicast_router")]
    assert values(Mld().dissect(packets("mld")[3])) == [("mld.group", "ff02::c")]


def test_from_afar() -> None:
    """Messages that were forwarded yield nothing."""
    assert dissect(packets("mld")[1].payload, ttl=64) == []


@pytest.mark.parametrize(
    "payload",
    [
        b"\x83" + bytes(10),
        b"\x83" + bytes(23),
        b"\x8f\0\0\0\0\0\0\1\4\0",
        b"\x82" + bytes(7) + parse("fe80::1").to_bytes(16, "big"),
    ],
)
def test_malformed(payload: bytes) -> None:
    """Messages that end early or without a multicast group are malformed."""
    with pytest.raises(Malformed):
        dissect(payload)
