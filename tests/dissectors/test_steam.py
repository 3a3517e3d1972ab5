"""Steam: computers and game consoles."""

from __future__ import annotations

import pytest

from pcaps.dissectors.steam import MAGIC, field, message
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.steam import Steam
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("SteamSearch",)], []),
    "Windows": (
        [("SteamStatus", "Phantom", "windows", False)],
        [("steam.hostname", "Phantom"), ("steam.system", "windows")],
    ),
    "Linux": ([("SteamStatus", "tower", "linux", False)], [("steam.hostname", "tower"), ("steam.system", "linux")]),
    "a Steam Deck": (
        [("SteamStatus", "steamdeck", "linux", True)],
        [("steam.hostname", "steamdeck"), ("steam.system", "linux"), ("steam.deck", "yes")],
    ),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Steam().dissect(packets("steam")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("steam")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [MAGIC[:7], b"\xff\xff\xff\xffTSource Engine Query\0", message(2)])
def test_other_messages_are_left_alone(payload: bytes) -> None:
    """Queries of game servers and goodbyes yield nothing."""
    assert list(Steam().dissect(Packet(payload))) == []


@pytest.mark.parametrize(
    "payload",
    [
        MAGIC,
        MAGIC + b"\xff\0\0\0",
        message(1, (4, b"name"))[:-2],
        message(1, *[(99, 1)] * 200),
    ],
)
def test_malformed(payload: bytes) -> None:
    """Lengths past the end and endless messages are malformed."""
    with pytest.raises(Malformed):
        list(Steam().dissect(Packet(payload)))


@pytest.mark.parametrize("body", [b"\x23", b"\x38" + b"\xff" * 10 + b"\1", field(4, b"x")[:-1]])
def test_malformed_fields(body: bytes) -> None:
    """An unknown type of field, an endless integer and a text past the end."""
    head = message(1)[:-4]
    with pytest.raises(Malformed):
        list(Steam().dissect(Packet(head + len(body).to_bytes(4, "little") + body)))


def test_a_name_that_is_a_number_is_none() -> None:
    """The types of fields are the sender's."""
    assert events(Steam().dissect(Packet(message(1, (4, 5), (7, b"x"))))) == [("SteamStatus", "", "", False)]


def test_cut_message_reports_nothing() -> None:
    """A truncated message yields nothing: part of a name is a wrong name."""
    for packet in packets("steam"):
        assert list(Steam().dissect(Packet(packet.payload, src=packet.src, problem=1))) == []
