"""Yeelight's discovery."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.dissectors.yeelight import Yeelight
from tests.dissectors.samples import events, packets, values

# What each message of the small capture says: events, and facts about its sender.
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
    """Each message says its event; facts only where the sender speaks of itself."""
    parsed = list(Yeelight().dissect(packets("yeelight")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture is looked at."""
    assert len(packets("yeelight")) == len(EXPECTED)


@pytest.mark.parametrize(
    "payload", [b"M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n", b"HTTP/1.1 200 OK\r\nLocation: http://10.0.0.5\r\n"]
)
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """What is no message of this protocol says nothing and is no fault."""
    assert list(Yeelight().dissect(Packet(payload))) == []


def test_cut_message_reports_nothing() -> None:
    """A message that the capture cut is not read: half a name is a wrong name."""
    for packet in packets("yeelight"):
        assert (
            list(
                Yeelight().dissect(
                    Packet(packet.payload, src=packet.src, sport=packet.sport, dport=packet.dport, problem=1)
                )
            )
            == []
        )
