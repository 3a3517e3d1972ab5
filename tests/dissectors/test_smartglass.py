"""SmartGlass of Xbox consoles."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.smartglass import Smartglass
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("SmartglassSearch",)], []),
    "a console": (
        [("SmartglassAnswer", 1, "XboxOne")],
        [("smartglass.device", "1"), ("smartglass.hostname", "XboxOne")],
    ),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Smartglass().dissect(packets("smartglass")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("smartglass")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"\xdd\1", b"\xdd\1\0\x09" + bytes(4), b"\xcc\0" + bytes(8)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Smartglass().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"\xdd\1\0\4\0\2" + bytes(4)])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Smartglass().dissect(Packet(payload)))
    assert list(Smartglass().dissect(Packet(payload, problem=1))) == []
