"""Brother's scan key."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.dissectors.skey import Skey
from tests.dissectors.samples import events, packets, values

# What each message of the small capture says: events, and facts about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a press for IMAGE": ([("SkeyPressed", "BR", "IMAGE", "front desk")], [("skey.type", "BR")]),
    "a press for FILE": ([("SkeyPressed", "BR", "FILE", "front desk")], [("skey.type", "BR")]),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message says its event; facts only where the sender speaks of itself."""
    parsed = list(Skey().dissect(packets("skey")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture is looked at."""
    assert len(packets("skey")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"TYPE=BR;", bytes(20)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """What is no message of this protocol says nothing and is no fault."""
    assert list(Skey().dissect(Packet(payload))) == []


def test_cut_message_reports_nothing() -> None:
    """A message that the capture cut is not read: half a name is a wrong name."""
    for packet in packets("skey"):
        assert (
            list(
                Skey().dissect(
                    Packet(packet.payload, src=packet.src, sport=packet.sport, dport=packet.dport, problem=1)
                )
            )
            == []
        )
