"""Scan key notifications of Brother devices."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.dissectors.skey import Skey
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a press for IMAGE": ([("SkeyPressed", "BR", "IMAGE", "front desk")], [("skey.type", "BR")]),
    "a press for FILE": ([("SkeyPressed", "BR", "FILE", "front desk")], [("skey.type", "BR")]),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Skey().dissect(packets("skey")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("skey")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"TYPE=BR;", bytes(20)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Skey().dissect(Packet(payload))) == []


def test_cut_message_reports_nothing() -> None:
    """A truncated message yields nothing: part of a name is a wrong name."""
    for packet in packets("skey"):
        assert (
            list(
                Skey().dissect(
                    Packet(packet.payload, src=packet.src, sport=packet.sport, dport=packet.dport, problem=1)
                )
            )
            == []
        )
