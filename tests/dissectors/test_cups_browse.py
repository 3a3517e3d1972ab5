"""Printers that are announced to CUPS."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.dissectors.cups_browse import CupsBrowse
from tests.dissectors.samples import events, packets

BROADCAST = 0xFFFFFFFFFFFF
PRINTER = b'1010 3 ipp://prints.office.example:631/printers/floor2 "Floor 2" "Laser" "HP LaserJet 4250"\n'


def test_a_printer_announced_to_one_host() -> None:
    """The message of the sample capture yields the URI."""
    [message] = packets("cups_browse")
    assert events(CupsBrowse().dissect(message)) == [("ServiceCommand", "cups", "http://198.51.100.7:12345/printers/a")]


@pytest.mark.parametrize(("receiver", "expected"), [(BROADCAST, 0), (0x0011223344AA, 1)])
def test_print_servers_announce_to_all(receiver: int, expected: int) -> None:
    """The same announcement yields an event only if it is sent to one host."""
    assert len(events(CupsBrowse().dissect(Packet(PRINTER, dst_mac=receiver)))) == expected


@pytest.mark.parametrize(
    "payload", [b"", b"hello there\n", b"0 3 ", b"0 3 http", b"POST / HTTP/1.1\r\n", b"0 3 http:// x"]
)
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(CupsBrowse().dissect(Packet(payload))) == []
