"""Discovery of Yeelight lamps."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.dissectors.yeelight import Yeelight
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("YeelightSearch",)], []),
    "a lamp's answer": (
        [("YeelightAnnouncement", "color", "18", "0x000000000015243f", "Hall", True)],
        [("yeelight.model", "color"), ("yeelight.firmware", "18"), ("yeelight.instance", "Hall")],
    ),
    "a notification": (
        [("YeelightAnnouncement", "ceiling1", "18", "0x000000000015243f", "", True)],
        [("yeelight.model", "ceiling1"), ("yeelight.firmware", "18")],
    ),
    "a notification about another address": (
        [("YeelightAnnouncement", "ceiling1", "18", "0x000000000015243f", "", False)],
        [],
    ),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Yeelight().dissect(packets("yeelight")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("yeelight")) == len(EXPECTED)


@pytest.mark.parametrize(
    "payload", [b"M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n", b"HTTP/1.1 200 OK\r\nLocation: http://10.0.0.5\r\n"]
)
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Yeelight().dissect(Packet(payload))) == []
