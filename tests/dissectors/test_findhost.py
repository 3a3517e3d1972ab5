"""Findhost: Synology Assistant and storage devices."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.findhost import Findhost
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("FindhostRequest", False, False)], []),
    "a storage box": (
        [("FindhostAnswer", "archive", "DS918+", "7.2-64570", "1780PDN123456", 0x0011325E5332, True)],
        [
            ("findhost.hostname", "archive"),
            ("findhost.model", "DS918+"),
            ("findhost.firmware", "7.2-64570"),
            ("findhost.serial", "1780PDN123456"),
            ("findhost.system", "DSM"),
        ],
    ),
    "somebody else's storage box": (
        [("FindhostAnswer", "archive", "DS918+", "7.2-64570", "1780PDN123456", 0x0011325E5333, False)],
        [],
    ),
    "an order with a password": ([("FindhostRequest", True, False)], []),
    "an encrypted message": ([("FindhostRequest", False, True)], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Findhost().dissect(packets("findhost")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("findhost")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"\xd0\xf2\x81\xf8", b"\x12\x34\x56\x78OTHER"])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Findhost().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"\x12\x34\x56\x78SYNO\x11\x20a", b"\x12\x34\x56\x78SYNO" + b"\x11\1a" * 129])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Findhost().dissect(Packet(payload)))
    assert list(Findhost().dissect(Packet(payload, problem=1))) == []
