"""Wake-on-LAN: the device to wake."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.dissectors.wol import Wol
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "in a datagram": ([("WolWake", 0x02005E005305, False)], []),
    "in a frame": ([("WolWake", 0x02005E005305, False)], []),
    "with a password": ([("WolWake", 0x02005E005305, True)], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Wol().dissect(packets("wol")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("wol")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"\xff" * 6 + bytes(50), b"\xff" * 6 + bytes(range(96)), b"\xff" * 5 + bytes(100)])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Wol().dissect(Packet(payload))) == []


def test_cut_message_reports_nothing() -> None:
    """A truncated message yields nothing: part of a name is a wrong name."""
    for packet in packets("wol"):
        assert (
            list(
                Wol().dissect(Packet(packet.payload, src=packet.src, sport=packet.sport, dport=packet.dport, problem=1))
            )
            == []
        )
