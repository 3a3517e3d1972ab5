"""SDDP: discovery of devices by Control4."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.dissectors.sddp import Sddp
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
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
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Sddp().dissect(packets("sddp")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("sddp")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"NOTIFY * HTTP/1.1", b"SDDP"])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Sddp().dissect(Packet(payload))) == []
