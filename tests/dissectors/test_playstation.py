"""PlayStation consoles."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.dissectors.playstation import Playstation
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("PlaystationRequest", "SRCH", False)], []),
    "a console asleep": (
        [("PlaystationStatus", 620, "PS4", "PS4-017", "09000000", 0x00D9D15E532E, True)],
        [("playstation.type", "PS4"), ("playstation.hostname", "PS4-017"), ("playstation.firmware", "09000000")],
    ),
    "a console awake": (
        [("PlaystationStatus", 200, "PS5", "Break room", "08200003", 0x0C70435E532F, True)],
        [("playstation.type", "PS5"), ("playstation.hostname", "Break room"), ("playstation.firmware", "08200003")],
    ),
    "somebody else's console": ([("PlaystationStatus", 200, "PS4", "PS4-017", "09000000", 0x00D9D15E532E, False)], []),
    "a wake-up call with a credential": ([("PlaystationRequest", "WAKEUP", True)], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Playstation().dissect(packets("playstation")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("playstation")) == len(EXPECTED)


@pytest.mark.parametrize(
    "payload", [b"HTTP/1.1 200 OK\r\nServer: x\r\n", b"SRCH", b"HTTP/1.1 abc\ndevice-discovery-protocol-version:1"]
)
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Playstation().dissect(Packet(payload))) == []
