"""Beacons of AMX."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.dddp import Dddp
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
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
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Dddp().dissect(packets("dddp")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("dddp")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"AMX<-UUID=1>"])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Dddp().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"AMXB<-"])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Dddp().dissect(Packet(payload)))
    assert list(Dddp().dissect(Packet(payload, problem=1))) == []
