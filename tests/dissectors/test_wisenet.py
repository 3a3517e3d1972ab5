"""Discovery of Hanwha devices: messages without a magic number."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.dissectors.wisenet import Wisenet
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("WisenetSearch",)], []),
    "a camera": (
        [("WisenetAnswer", "XND-6080", 0x02005E005306, parse("10.20.30.16"), "http://10.20.30.16/home", True)],
        [("wisenet.model", "XND-6080")],
    ),
    "somebody else's camera": (
        [("WisenetAnswer", "QNO-7010R", 0x0009185E5309, parse("10.20.30.99"), "http://10.20.30.99/home", False)],
        [],
    ),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Wisenet().dissect(packets("wisenet")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("wisenet")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [bytes(262), b"\x0b" + bytes(261), b"\x0b" + b"x" * 300, b"\1" + bytes(100)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Wisenet().dissect(Packet(payload))) == []


def test_cut_message_reports_nothing() -> None:
    """A truncated message yields nothing: part of a name is a wrong name."""
    for packet in packets("wisenet"):
        assert (
            list(
                Wisenet().dissect(
                    Packet(packet.payload, src=packet.src, sport=packet.sport, dport=packet.dport, problem=1)
                )
            )
            == []
        )
