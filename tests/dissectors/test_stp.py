"""Spanning tree: bridges and the root bridge."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.stp import Stp
from tests.dissectors.samples import events, facts, packets, values

ROOT, BRIDGE = 0x02005E005301, 0x02005E005305
HELLO = bytes.fromhex("0000 00 00 00 8000 02005e005301 00000000 8000 02005e005301 8001 0000 1400 0200 0f00")


def dissect(payload: bytes, ethertype: int = 0x42, problem: int = 0) -> list[object]:
    return list(
        Stp().dissect(Packet(payload, src_mac=BRIDGE, ethertype=ethertype, ip_version=0, proto=0, problem=problem))
    )


def test_all_forms() -> None:
    """STP, RSTP, MSTP with a region, per-VLAN RSTP and a topology change are reported."""
    parsed = [one for packet in packets("stp") for one in events(Stp().dissect(packet))]
    assert parsed == [
        ("StpConfiguration", "stp", ROOT, 0x1000, 0, ROOT, 0x8000, 0x8001, False, 0, ""),
        ("StpConfiguration", "rstp", ROOT, 0x1000, 20000, BRIDGE, 0x8000, 0x8002, True, 0, ""),
        ("StpConfiguration", "mstp", ROOT, 0x1000, 0, BRIDGE, 0x8000, 0x8003, False, 0, "campus-west"),
        ("StpConfiguration", "rstp", ROOT, 0x1000, 4, BRIDGE, 0x8000, 0x8004, False, 30, ""),
        ("StpTopologyChange",),
    ]


def test_the_root_is_a_user_else() -> None:
    """The root in a bridge's message yields no observation about the bridge or the root."""
    assert facts(Stp().dissect(packets("stp")[1])) == [
        ("02:00:5e:00:53:05", "-", "stp.role", "bridge"),
        ("02:00:5e:00:53:05", "-", "stp.bridge", "02:00:5e:00:53:05"),
    ]


@pytest.mark.parametrize(
    ("payload", "ethertype"),
    [
        (b"\0\1" + HELLO[2:], 0x42),
        (HELLO[:3] + b"\x07" + HELLO[4:], 0x42),
        (b"\0\0\x0c\1\x0c" + HELLO, 0x010B),
        (HELLO, 0x010B),
    ],
)
def test_others_are_left_alone(payload: bytes, ethertype: int) -> None:
    """Other protocols at the same LLC address, other message types and other vendors yield nothing."""
    assert dissect(payload, ethertype) == []


def test_early_ends() -> None:
    """A message that ends early is malformed, unless the capture truncated it."""
    for size in (0, 3, len(HELLO) - 1):
        with pytest.raises(Malformed, match="early"):
            dissect(HELLO[:size])
        assert dissect(HELLO[:size], problem=1) == []
    assert values(dissect(HELLO)) == [("stp.role", "bridge"), ("stp.bridge", "02:00:5e:00:53:01")]
