"""SDDP: what devices tell Control4."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.dissectors.sddp import Sddp
from tests.dissectors.samples import events, packets, values

# What each message of the small capture says: events, and facts about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("SddpSearch",)], []),
    "a projector": (
        [("SddpAnnouncement", "projector", "Epson", "LS12000", "Epson-LS12000-5E5339", True)],
        [
            ("sddp.proxy", "projector"),
            ("sddp.manufacturer", "Epson"),
            ("sddp.model", "LS12000"),
            ("sddp.hostname", "Epson-LS12000-5E5339"),
        ],
    ),
    "a television": (
        [("SddpAnnouncement", "tv", "Sony", "XBR-65X900F", "Sony-XBR-65X900F-5E5339", True)],
        [
            ("sddp.proxy", "tv"),
            ("sddp.manufacturer", "Sony"),
            ("sddp.model", "XBR-65X900F"),
            ("sddp.hostname", "Sony-XBR-65X900F-5E5339"),
        ],
    ),
    "a notification about another address": (
        [("SddpAnnouncement", "tv", "Sony", "XBR-65X900F", "Sony-XBR-65X900F-5E5339", False)],
        [],
    ),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message says its event; facts only where the sender speaks of itself."""
    parsed = list(Sddp().dissect(packets("sddp")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture is looked at."""
    assert len(packets("sddp")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"NOTIFY * HTTP/1.1", b"SDDP"])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """What is no message of this protocol says nothing and is no fault."""
    assert list(Sddp().dissect(Packet(payload))) == []


def test_cut_message_reports_nothing() -> None:
    """A message that the capture cut is not read: half a name is a wrong name."""
    for packet in packets("sddp"):
        assert (
            list(
                Sddp().dissect(
                    Packet(packet.payload, src=packet.src, sport=packet.sport, dport=packet.dport, problem=1)
                )
            )
            == []
        )
