"""Broadcasts of Tuya devices, plain and encrypted."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.tuya import Tuya
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a plug in clear": (
        [("TuyaFrame", 0, False, True, "keym557nqw3p8p7m", "3.1")],
        [("tuya.frame", "clear"), ("tuya.product", "keym557nqw3p8p7m"), ("tuya.id", "05200020b4e62d1a2b3c")],
    ),
    "a lamp encrypted": ([("TuyaFrame", 19, True, True, "", "")], [("tuya.frame", "encrypted")]),
    "a lamp of the newest version": ([("TuyaFrame", 35, True, True, "", "")], [("tuya.frame", "encrypted")]),
    "an app's question": ([("TuyaFrame", 37, True, False, "", "")], []),
    "an object with another address": ([("TuyaFrame", 0, False, False, "keym557nqw3p8p7m", "3.1")], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Tuya().dissect(packets("tuya")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("tuya")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"hello", bytes(30)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Tuya().dissect(Packet(payload))) == []


@pytest.mark.parametrize(
    "payload", [b"\0\0\x55\xaa" + bytes(30), b"\0\0\x55\xaa", b"\0\0\x55\xaa" + bytes(16) + b"{}}" + b"\0\0\xaa\x55"]
)
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Tuya().dissect(Packet(payload)))
    assert list(Tuya().dissect(Packet(payload, problem=1))) == []
