"""Printers that are announced to CUPS."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.dissectors.cups_browse import CupsBrowse
from tests.dissectors.samples import events, packets

# Events of each message of the sample capture.
EXPECTED: dict[str, list[object]] = {
    "to all": [],
    "to one host": [("ServiceCommand", "cups", "http://198.51.100.7:12345/printers/a")],
    "a probe": [],
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Only an announcement to one host yields an event."""
    assert events(CupsBrowse().dissect(packets("cups_browse")[number])) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("cups_browse")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [b"", b"0 3 ", b"0 3 http", b"POST / HTTP/1.1\r\n", b"0 3 http:// x"])
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(CupsBrowse().dissect(Packet(payload))) == []
