"""Moxa: device servers and gateways."""

from __future__ import annotations

import pytest

from pcaps.dissectors.moxa import message
from sensor.core.packet import Packet
from sensor.dissectors.moxa import Moxa
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "search": ([("MoxaMessage", 1, False, 0)], []),
    "found": ([("MoxaMessage", 1, True, 0)], [("moxa.role", "device server")]),
    "another one behind it": ([("MoxaMessage", 1, True, 0)], []),
    "get name": ([("MoxaMessage", 0x10, False, 0)], []),
    "error": ([("MoxaMessage", 0x10, True, 4)], []),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    parsed = list(Moxa().dissect(packets("moxa")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


@pytest.mark.parametrize("payload", [b"", message(1)[:-1], message(1) + b"\0", message(0), b"\x01\0\0\x09" + bytes(4)])
def test_others_report_nothing(payload: bytes) -> None:
    """The size in the header is that of the datagram."""
    assert list(Moxa().dissect(Packet(payload, sport=4800))) == []
