"""AMX's beacons."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.dddp import Dddp
from tests.dissectors.samples import events, packets, values

# What each message of the small capture says: events, and facts about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a conference system": (
        [("DddpBeacon", "VideoConferencer", "Polycom", "RealPresence Group 500", "6.2.2")],
        [
            ("dddp.class", "VideoConferencer"),
            ("dddp.make", "Polycom"),
            ("dddp.model", "RealPresence Group 500"),
            ("dddp.revision", "6.2.2"),
        ],
    ),
    "a projector": (
        [("DddpBeacon", "VideoProjector", "EPSON", "EB-L615U", "6.2.2")],
        [
            ("dddp.class", "VideoProjector"),
            ("dddp.make", "EPSON"),
            ("dddp.model", "EB-L615U"),
            ("dddp.revision", "6.2.2"),
        ],
    ),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message says its event; facts only where the sender speaks of itself."""
    parsed = list(Dddp().dissect(packets("dddp")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture is looked at."""
    assert len(packets("dddp")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"AMX<-UUID=1>"])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """What is no message of this protocol says nothing and is no fault."""
    assert list(Dddp().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"AMXB<-"])
def test_faults(payload: bytes) -> None:
    """A message that cannot be is malformed, and says nothing where the capture cut it."""
    with pytest.raises(Malformed):
        list(Dddp().dissect(Packet(payload)))
    assert list(Dddp().dissect(Packet(payload, problem=1))) == []
