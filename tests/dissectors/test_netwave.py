"""Discovery of Netwave cameras."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.netwave import Netwave
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("NetwaveRequest", 0)], []),
    "a camera": (
        [("NetwaveAnswer", "Back door", "11.37.2.54", 0x02005E005306, parse("10.20.30.16"), True)],
        [("netwave.firmware", "11.37.2.54"), ("netwave.instance", "Back door")],
    ),
    "somebody else's camera": (
        [("NetwaveAnswer", "Back door", "11.37.2.54", 0x00626E5E5309, parse("10.20.30.99"), False)],
        [],
    ),
    "an order": ([("NetwaveRequest", 2)], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Netwave().dissect(packets("netwave")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("netwave")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"XO_I" + bytes(40)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Netwave().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"MO_I\1\0", b"MO_I\1\0" + bytes(30)])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Netwave().dissect(Packet(payload)))
    assert list(Netwave().dissect(Packet(payload, problem=1))) == []
