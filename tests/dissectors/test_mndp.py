"""MNDP: routers and switches of MikroTik."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.mndp import Mndp
from tests.dissectors.samples import events, facts, packets

HEAD = bytes.fromhex("00000001 0001 0006 4c5e0c000001")


def dissect(payload: bytes, dport: int = 5678) -> list[object]:
    return list(Mndp().dissect(Packet(payload, src=parse("10.0.0.1"), src_mac=0x4C5E0C000001, sport=5678, dport=dport)))


def test_a_question_reports_nothing_of_the_asker() -> None:
    """A query for routers yields no observation about its sender."""
    assert events(Mndp().dissect(packets("mndp")[0])) == [("MndpQuestion",)]
    assert facts(Mndp().dissect(packets("mndp")[0])) == []


def test_a_router() -> None:
    """All fields of a router's announcement are reported."""
    parsed = list(Mndp().dissect(packets("mndp")[1]))
    event = parsed[0]
    assert (event.name, event.version, event.board, event.licence, event.uptime_s, event.port) == (
        "gw-branch", "7.11.2 (stable) Aug/31/2023 13:55:47", "RB4011iGS+", "ABCD-EF01", 86400, "bridge/ether2",
    )  # fmt: skip
    assert facts(parsed)[0] == ("02:00:5e:00:53:01", "10.20.30.1", "mndp.hostname", "gw-branch")
    assert [kind for _, _, kind, _ in facts(parsed)] == [
        f"mndp.{word}" for word in ("hostname", "version", "platform", "board", "chassis", "port", "address")
    ]


@pytest.mark.parametrize(
    "payload",
    [b"", b"\0" * 12, b"GET / HTTP/1.1\r\n\r\n", HEAD[:8], HEAD, bytes.fromhex("00000001 0001 ffff 00"), b"\1\2\3\4"],
)
def test_others_are_left_alone(payload: bytes) -> None:
    """Messages without a valid name, version, platform or board field belong to another protocol and yield nothing."""
    assert dissect(payload) == []


def test_answers_to_other_ports_are_left_alone() -> None:
    """Announcements to other ports yield nothing."""
    assert dissect(HEAD + bytes.fromhex("0005 0002 4131"), dport=9999) == []


def test_malformed() -> None:
    """A message that begins correctly but has an invalid length later is malformed."""
    with pytest.raises(Malformed, match="longer"):
        dissect(HEAD + bytes.fromhex("0005 00ff 4131"))
