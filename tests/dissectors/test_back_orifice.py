"""Back Orifice: requests and responses of a server without a password."""

from __future__ import annotations

import pytest

from pcaps.dissectors.back_orifice import message
from sensor.core.packet import Packet
from sensor.dissectors.back_orifice import BackOrifice
from tests.dissectors.samples import events, packets


def test_sample() -> None:
    assert [one for packet in packets("back_orifice") for one in events(BackOrifice().dissect(packet))] == [
        ("RatMessage", "Back Orifice", "", True),
        ("RatMessage", "Back Orifice", "", False),
    ]


@pytest.mark.parametrize("payload", [b"", message(1)[:7], message(1, key=7), b"*!*QWTY?" + bytes(10)])
def test_others_report_nothing(payload: bytes) -> None:
    """Truncated messages, other keys and data in cleartext yield nothing."""
    assert list(BackOrifice().dissect(Packet(payload, sport=31338, dport=31337))) == []
