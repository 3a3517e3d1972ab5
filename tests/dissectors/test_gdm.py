"""Plex servers and players."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.dissectors.gdm import Gdm
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("GdmSearch",)], []),
    "a server": (
        [("GdmAnnouncement", "plex/media-server", "films", "", "1.32.5.7349")],
        [("gdm.content", "plex/media-server"), ("gdm.hostname", "films"), ("gdm.version", "1.32.5.7349")],
    ),
    "a player": (
        [("GdmAnnouncement", "plex/media-player", "Living room", "Plex for LG", "5.58.1")],
        [
            ("gdm.content", "plex/media-player"),
            ("gdm.hostname", "Living room"),
            ("gdm.product", "Plex for LG"),
            ("gdm.version", "5.58.1"),
        ],
    ),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Gdm().dissect(packets("gdm")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("gdm")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n", b"HELLO"])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Gdm().dissect(Packet(payload))) == []
