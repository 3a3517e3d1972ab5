"""The search for Netwave cameras."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.netwave import Netwave
from tests.dissectors.samples import events, packets, values

# What each message of the small capture says: events, and facts about its sender.
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
    """Each message says its event; facts only where the sender speaks of itself."""
    parsed = list(Netwave().dissect(packets("netwave")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture is looked at."""
    assert len(packets("netwave")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"XO_I" + bytes(40)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """What is no message of this protocol says nothing and is no fault."""
    assert list(Netwave().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"MO_I\1\0", b"MO_I\1\0" + bytes(30)])
def test_faults(payload: bytes) -> None:
    """A message that cannot be is malformed, and says nothing where the capture cut it."""
    with pytest.raises(Malformed):
        list(Netwave().dissect(Packet(payload)))
    assert list(Netwave().dissect(Packet(payload, problem=1))) == []
