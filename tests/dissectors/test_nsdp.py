"""NSDP of NETGEAR switches."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.nsdp import Nsdp
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a question": ([("NsdpRequest", False, (1, 3, 4, 6, 13), False)], []),
    "a switch": (
        [("NsdpAnswer", False, 0, 0xA040A05E5334, "GS108Ev3", "floor-3", "2.06.24EN", True)],
        [("nsdp.model", "GS108Ev3"), ("nsdp.hostname", "floor-3"), ("nsdp.firmware", "2.06.24EN")],
    ),
    "somebody else's switch": (
        [("NsdpAnswer", False, 0, 0xA040A05E5335, "GS108Ev3", "floor-3", "2.06.24EN", False)],
        [],
    ),
    "a change with a password": ([("NsdpRequest", True, (10, 3), True)], []),
    "a refusal": ([("NsdpAnswer", True, 1792, 0xA040A05E5334, "", "", "", True)], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Nsdp().dissect(packets("nsdp")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("nsdp")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [bytes(40), b"\1\5" + bytes(22) + b"NSDP" + bytes(8)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Nsdp().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"\1\2" + bytes(22) + b"NSDP" + bytes(4) + b"\0\1\0\x09x"])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Nsdp().dissect(Packet(payload)))
    assert list(Nsdp().dissect(Packet(payload, problem=1))) == []
