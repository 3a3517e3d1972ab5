"""Device discovery of TP-Link."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.tdp import Tdp
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("TdpSearch",)], []),
    "a plug": (
        [("TdpAnswer", "SMART.TAPOPLUG", "P110(EU)", 0x5C628B5E5322, parse("10.20.30.52"), False, True)],
        [("tdp.kind", "SMART.TAPOPLUG"), ("tdp.model", "P110(EU)")],
    ),
    "a camera, factory fresh": (
        [("TdpAnswer", "SMART.IPCAMERA", "C210", 0x02005E005306, parse("10.20.30.16"), True, True)],
        [("tdp.kind", "SMART.IPCAMERA"), ("tdp.model", "C210")],
    ),
    "somebody else's lamp": (
        [("TdpAnswer", "SMART.TAPOBULB", "L530E(EU)", 0x5C628B5E5323, parse("10.20.30.53"), False, False)],
        [],
    ),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Tdp().dissect(packets("tdp")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("tdp")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"\1" + bytes(30), b"\2\0\0\5" + bytes(20)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Tdp().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"\2\0\0\1\0\x20" + bytes(10), b"\2\0\0\1\0\2" + bytes(10) + b"[]"])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Tdp().dissect(Packet(payload)))
    assert list(Tdp().dissect(Packet(payload, problem=1))) == []
