"""LLTD: hosts that describe themselves to the network map of Windows."""

from __future__ import annotations

import pytest

from pcaps.dissectors.lltd import hello, tlv
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.lltd import Lltd
from tests.dissectors.samples import events, packets, values

DESKTOP = (parse("10.20.30.14"), parse("fe80::5eff:fe00:5303"))
UUID = "0b5e7a7c-2a1a-4d5e-9c33-02005e005301"
ROUTER = ("web_page", "full_duplex", "nat_private", "icon", "friendly_name", "hardware_id", "ap_association_table")
# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "quick discovery": ([("LltdDiscover", True, 0)], [("lltd.mapper", "quick")]),
    "topology discovery": ([("LltdDiscover", False, 1)], [("lltd.mapper", "topology")]),
    "a computer": (
        [
            (
                "LltdHello", "FRONTDESK-7", 0x02005E005303, DESKTOP, ("full_duplex",), 10_000_000, "", "", "", True
            )
        ],
        [
            ("lltd.hostname", "FRONTDESK-7"),
            ("lltd.address", "10.20.30.14"),
            ("lltd.address", "fe80::5eff:fe00:5303"),
            ("lltd.feature", "full_duplex"),
            ("lltd.frequency", "10000000"),
        ],
    ),
    "a router with another MAC as id": (
        [
            (
                "LltdHello", "RT-AC68U", 0x02005E005311, (parse("10.20.30.1"),), ROUTER, 1_000_000, "lobby",
                "www.example.com", UUID, True
            )
        ],
        [
            ("lltd.hostname", "RT-AC68U"),
            ("lltd.mac", "02:00:5e:00:53:11"),
            ("lltd.address", "10.20.30.1"),
            *(("lltd.feature", feature) for feature in ROUTER),
            ("lltd.frequency", "1000000"),
            ("lltd.ssid", "lobby"),
            ("lltd.support", "www.example.com"),
            ("lltd.uuid", UUID),
        ],
    ),
    "a host behind a repeater": (
        [("LltdHello", "REPEATED", 0x02005E005306, (), (), 0, "", "", "", False)],
        [],
    ),
}  # fmt: skip
HEAD = 14  # of Ethernet
BODY = hello("02:00:5e:00:53:03")[HEAD : HEAD + 32]


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Lltd().dissect(packets("lltd")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("lltd")) == len(EXPECTED)


@pytest.mark.parametrize(
    "payload", [b"\2" + BODY[1:] + b"\0", b"\1\2" + BODY[2:] + b"\0", BODY[:17], b"\1\0\0\2" + BODY[4:], bytes(60)]
)
def test_other_messages_are_left_alone(payload: bytes) -> None:
    """Other versions, the QoS diagnostics and the tests of the topology yield nothing."""
    assert list(Lltd().dissect(Packet(payload))) == []


@pytest.mark.parametrize("rest", [b"", b"\x0f", b"\x0f\x08ab", tlv(7, bytes(4)), tlv(7, b"") * 200])
def test_malformed(rest: bytes) -> None:
    """A property past the end, a list without an end mark and an endless list are malformed."""
    with pytest.raises(Malformed):
        list(Lltd().dissect(Packet(BODY + rest)))


def test_a_property_of_another_size_is_left_out() -> None:
    """Sizes are fixed, except those of texts."""
    (event,) = events(Lltd().dissect(Packet(BODY + tlv(7, bytes(3)) + tlv(10, b"\1") + b"\0")))
    assert event[3:6] == ((), (), 0)


def test_cut_message_reports_nothing() -> None:
    """A truncated message yields nothing: part of a name is a wrong name."""
    for packet in packets("lltd"):
        assert list(Lltd().dissect(Packet(packet.payload, src_mac=packet.src_mac, problem=1))) == []
