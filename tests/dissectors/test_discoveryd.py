"""Door controllers of HID."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.discoveryd import Discoveryd
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("DiscoverydSearch",)], []),
    "a door controller": (
        [("DiscoverydAnswer", "EH400-K", "3.5.1.1483", "door-east", 0x00068E5E5336, True)],
        [("discoveryd.model", "EH400-K"), ("discoveryd.firmware", "3.5.1.1483"), ("discoveryd.hostname", "door-east")],
    ),
    "somebody else's door controller": (
        [("DiscoverydAnswer", "EH400-K", "3.5.1.1483", "door-east", 0x00068E5E5337, False)],
        [],
    ),
    "an order": ([("DiscoverydOrder", "blink_on")], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Discoveryd().dissect(packets("discoveryd")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("discoveryd")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"discovery", b"command_"])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Discoveryd().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"discovered;1;2"])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Discoveryd().dissect(Packet(payload)))
    assert list(Discoveryd().dissect(Packet(payload, problem=1))) == []
