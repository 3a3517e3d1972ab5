"""Cloud messages of Edimax."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.edimax import Edimax, turned
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
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
    """Each message yields its event, and observations only if the sender describes itself; keys are never reported."""
    parsed = list(Edimax().dissect(packets("edimax")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("edimax")) == len(EXPECTED)


@pytest.mark.parametrize("bits", range(8))
def test_any_turn_is_read(bits: int) -> None:
    """The first byte contains the number of bits by which the other bytes are rotated."""
    (event,) = events(list(Edimax().dissect(Packet(turned(b'<param><code value="3000" /></param>', bits)))))
    assert event[:2] == ("EdimaxMessage", 3000)


@pytest.mark.parametrize("payload", [b"<paramount>", b"<html>", b"\x3e\x1c\x58", bytes(40)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Edimax().dissect(Packet(payload))) == []


@pytest.mark.parametrize(
    "payload",
    [b"<param></param>", b'<param><code value="x" />', b'<param><code value="1300" />' * 40, b"<param>" + bytes(2000)],
)
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Edimax().dissect(Packet(payload)))
    assert list(Edimax().dissect(Packet(payload, problem=1))) == []
