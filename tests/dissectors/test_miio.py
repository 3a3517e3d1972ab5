"""miIO: greetings, and answers with and without a token."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.miio import Miio
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a greeting": ([("MiioGreeting",)], []),
    "an answer": ([("MiioAnswer", 72123456, 3600, False)], [("miio.device", "72123456")]),
    "an answer with the token in it": ([("MiioAnswer", 72123456, 3601, True)], [("miio.device", "72123456")]),
    "an encrypted message": ([("MiioMessage", 72123456, 64)], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Miio().dissect(packets("miio")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("miio")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"\x21\x32" + bytes(30)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Miio().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"\x21\x31\0\x20", b"\x21\x31\0\x21" + bytes(28)])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Miio().dissect(Packet(payload)))
    assert list(Miio().dissect(Packet(payload, problem=1))) == []


def test_token_is_not_kept() -> None:
    """The token in the answer of an unregistered device is not reported."""
    parsed = repr([events(Miio().dissect(packets("miio")[2])), values(Miio().dissect(packets("miio")[2]))])
    assert bytes(range(16)).hex() not in parsed
    assert "\\x0e" not in parsed
