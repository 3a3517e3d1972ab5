"""DTP: negotiation of trunks."""

from __future__ import annotations

import pytest

from pcaps.dissectors.dtp import message
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.dtp import SNAP, Dtp
from tests.dissectors.samples import events, packets

SWITCH = "02:00:5e:00:53:01"


def test_sample() -> None:
    """The modes auto, desirable and on are reported, and whether the port is a trunk."""
    assert [one for packet in packets("dtp") for one in events(Dtp().dissect(packet))] == [
        ("DtpMessage", "auto", False, "campus", 0x02005E005301),
        ("DtpMessage", "desirable", False, "", 0x02005E005305),
        ("DtpMessage", "on", True, "campus", 0x02005E005305),
    ]


def test_others_report_nothing() -> None:
    """Another version, a missing status, an unknown mode and a truncated message yield nothing."""
    for payload in (b"", b"\x02" + message(3, SWITCH)[1:], b"\x01", message(0x05, SWITCH)):
        assert list(Dtp().dissect(Packet(SNAP + payload, ethertype=0x2004))) == []
    assert list(Dtp().dissect(Packet(SNAP + message(3, SWITCH)[:9], ethertype=0x2004, problem=1))) == []


def test_a_field_that_ends_early() -> None:
    with pytest.raises(Malformed):
        list(Dtp().dissect(Packet(SNAP + message(3, SWITCH)[:-2], ethertype=0x2004)))
