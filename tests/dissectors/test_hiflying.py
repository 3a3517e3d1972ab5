"""Wi-Fi modules of Hi-Flying."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.dissectors.hiflying import Hiflying
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("HiflyingSearch",)], []),
    "a lamp": (
        [("HiflyingAnswer", "AK001-ZJ2101", 0x5CCF7F5E532C, parse("10.20.30.61"), True)],
        [("hiflying.model", "AK001-ZJ2101")],
    ),
    "somebody else's module": ([("HiflyingAnswer", "HF-LPB100", 0xACCF235E532D, parse("10.20.30.62"), False)], []),
    "a question": ([("HiflyingOrder", "LVER", False)], []),
    "an order with a key": ([("HiflyingOrder", "WSKEY", True)], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Hiflying().dissect(packets("hiflying")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("hiflying")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"10.20.30.61", b"+ok", b"10.20.30.61,zzCF7F5E532C,x"])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Hiflying().dissect(Packet(payload))) == []


def test_cut_message_reports_nothing() -> None:
    """A truncated message yields nothing: part of a name is a wrong name."""
    for packet in packets("hiflying"):
        assert (
            list(
                Hiflying().dissect(
                    Packet(packet.payload, src=packet.src, sport=packet.sport, dport=packet.dport, problem=1)
                )
            )
            == []
        )
