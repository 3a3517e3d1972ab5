"""PPPP of cameras."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.pppp import Pppp
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("PpppSearch",)], []),
    "a camera": ([("PpppIdentity", "VSTD-123456-ABCDE", True)], [("pppp.identity", "VSTD-123456-ABCDE")]),
    "an app with the same identity": ([("PpppIdentity", "VSTD-123456-ABCDE", False)], []),
    "a sign of life": ([("PpppMessage", 224)], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Pppp().dissect(packets("pppp")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("pppp")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"\xf1\x30\0\1", b"\xf2\x30\0\0"])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Pppp().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"\xf1\x41\0\0", b"\xf1\x41\0\x14" + b"\xff" * 20])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Pppp().dissect(Packet(payload)))
    assert list(Pppp().dissect(Packet(payload, problem=1))) == []
