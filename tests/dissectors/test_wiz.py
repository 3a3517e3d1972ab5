"""WiZ lamps."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.wiz import Wiz
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a question": ([("WizRequest", "getSystemConfig")], []),
    "a configuration": (
        [("WizAnswer", "getSystemConfig", "ESP01_SHRGB1C_31", "1.25.0", 0xA8BB505E532A, True)],
        [("wiz.method", "getSystemConfig"), ("wiz.module", "ESP01_SHRGB1C_31"), ("wiz.firmware", "1.25.0")],
    ),
    "a first beat": (
        [("WizAnswer", "firstBeat", "", "1.25.0", 0xA8BB505E532A, True)],
        [("wiz.method", "firstBeat"), ("wiz.firmware", "1.25.0")],
    ),
    "an order": ([("WizRequest", "setPilot")], []),
    "an error": ([("WizAnswer", "setPilot", "", "", 0, False)], []),
    "an answer with another MAC": (
        [("WizAnswer", "getSystemConfig", "ESP01_SHRGB1C_31", "1.25.0", 0xA8BB505E53FF, False)],
        [],
    ),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Wiz().dissect(packets("wiz")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("wiz")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"{}", b"method"])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Wiz().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b'{"method":'])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Wiz().dissect(Packet(payload)))
    assert list(Wiz().dissect(Packet(payload, problem=1))) == []
