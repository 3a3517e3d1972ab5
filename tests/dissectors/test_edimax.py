"""Edimax's cloud messages."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.edimax import Edimax, turned
from tests.dissectors.samples import events, packets, values

# What each message of the small capture says: events, and facts about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("EdimaxMessage", 1300, "", "", "", "", 0, False)], [("edimax.search", "yes")]),
    "a plug registers": (
        [("EdimaxMessage", 1010, "SP-2101W", "SmartPlug", "2.08", "Coffee corner", 0x74DA385E5309, True)],
        [
            ("edimax.model", "SP-2101W"),
            ("edimax.product", "SmartPlug"),
            ("edimax.firmware", "2.08"),
            ("edimax.instance", "Coffee corner"),
        ],
    ),
    "somebody else's plug": ([("EdimaxMessage", 1010, "", "", "", "", 0, False)], []),
    "a server answers": ([("EdimaxMessage", 1020, "", "", "", "", 0, False)], []),
    "a relay": ([("EdimaxMessage", 1040, "", "", "", "", 0, False)], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message says its event; facts only where the sender speaks of itself, keys never."""
    parsed = list(Edimax().dissect(packets("edimax")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture is looked at."""
    assert len(packets("edimax")) == len(EXPECTED)


@pytest.mark.parametrize("bits", range(8))
def test_any_turn_is_read(bits: int) -> None:
    """The first byte tells by how many bits the others are turned."""
    (event,) = events(list(Edimax().dissect(Packet(turned(b'<param><code value="3000" /></param>', bits)))))
    assert event[:2] == ("EdimaxMessage", 3000)


@pytest.mark.parametrize("payload", [b"<paramount>", b"<html>", b"\x3e\x1c\x58", bytes(40)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """What is no message of this protocol says nothing and is no fault."""
    assert list(Edimax().dissect(Packet(payload))) == []


@pytest.mark.parametrize(
    "payload",
    [b"<param></param>", b'<param><code value="x" />', b'<param><code value="1300" />' * 40, b"<param>" + bytes(2000)],
)
def test_faults(payload: bytes) -> None:
    """A message that cannot be is malformed, and says nothing where the capture cut it."""
    with pytest.raises(Malformed):
        list(Edimax().dissect(Packet(payload)))
    assert list(Edimax().dissect(Packet(payload, problem=1))) == []
