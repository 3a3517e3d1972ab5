"""QDP: devices of Q-SYS."""

from __future__ import annotations

import pytest

from pcaps.dissectors.qdp import CORE
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.qdp import Qdp
from tests.dissectors.samples import events, packets, values

CAMERA_MAC, PBX_MAC = 0x02005E005306, 0x02005E005305
BOARDROOM = "Core-110f-boardroom"
# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a processor": (
        [
            (
                "QdpDevice", BOARDROOM, "core", "Core 110f", f"device.core.{BOARDROOM}", PBX_MAC,
                (parse("10.20.30.5"),), False, True
            )
        ],
        [("qdp.hostname", BOARDROOM), ("qdp.part", "Core 110f"), ("qdp.class", "core")],
    ),
    "somebody else's peripheral": (
        [
            (
                "QdpDevice", "hall-io", "lcqln", "QIO-ML2x2", "device.ioframe.hall-io", CAMERA_MAC,
                (parse("10.20.30.99"),), False, False
            )
        ],
        [],
    ),
    "an emulation": (
        [("QdpDevice", "DESK-7", "core", "Core 510i", "device.core.DESK-7", 0, (parse("10.20.30.14"),), True, True)],
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Qdp().dissect(packets("qdp")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("qdp")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"<xml/>", b"<QDP><query_ref>device.ioframe.*</query_ref></QDP>", b"\0" * 20])
def test_other_messages_are_left_alone(payload: bytes) -> None:
    """Queries and other protocols yield nothing."""
    assert list(Qdp().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [CORE.replace(b"<device>", b'<!DOCTYPE x SYSTEM "x"><device>'), CORE[:-20]])
def test_malformed(payload: bytes) -> None:
    """A document type and a document without an end are rejected, as in all XML."""
    with pytest.raises(Malformed):
        list(Qdp().dissect(Packet(payload)))


def test_cut_message_reports_nothing() -> None:
    """A truncated message yields nothing: part of a name is a wrong name."""
    for packet in packets("qdp"):
        assert list(Qdp().dissect(Packet(packet.payload, src=packet.src, problem=1))) == []
