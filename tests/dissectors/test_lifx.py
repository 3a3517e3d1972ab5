"""The LIFX protocol."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.lifx import Lifx
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("LifxMessage", 2, 0)], []),
    "a service": ([("LifxState", 3, 0xD073D55E5326, "", "", "")], [("lifx.state", "service")]),
    "a firmware": ([("LifxState", 15, 0xD073D55E5326, "", "3.70", "")], [("lifx.firmware", "3.70")]),
    "a product": ([("LifxState", 33, 0xD073D55E5326, "1/27", "", "")], [("lifx.product", "1/27")]),
    "a label": ([("LifxState", 25, 0xD073D55E5326, "", "", "Reception")], [("lifx.instance", "Reception")]),
    "a light with its label": (
        [("LifxState", 107, 0xD073D55E5326, "", "", "Reception")],
        [("lifx.instance", "Reception")],
    ),
    "an order": ([("LifxMessage", 21, 0xD073D55E5326)], []),
    "a state that names another lamp": ([("LifxState", 33, 0xD073D55E5327, "1/31", "", "")], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Lifx().dissect(packets("lifx")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("lifx")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [bytes(36), b"\x25\0\0\x34" + bytes(32)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Lifx().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"\x24\0\0\x14" + bytes(28) + b"\x0f\0\0\0"])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Lifx().dissect(Packet(payload)))
    assert list(Lifx().dissect(Packet(payload, problem=1))) == []
