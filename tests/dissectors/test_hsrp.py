"""HSRP: the active router of a group."""

from __future__ import annotations

import pytest

from pcaps.dissectors.hsrp import version_1
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.hsrp import Hsrp
from tests.dissectors.samples import events, packets


def test_sample() -> None:
    """Both versions, and all operations of routers, are reported."""
    virtual = parse("10.20.30.1")
    assert [one for packet in packets("hsrp") for one in events(Hsrp().dissect(packet))] == [
        ("HsrpMessage", 1, 1, "hello", "active", 110, virtual),
        ("HsrpMessage", 1, 1, "hello", "standby", 100, virtual),
        ("HsrpMessage", 1, 1, "coup", "active", 255, virtual),
        ("HsrpMessage", 1, 1, "resign", "active", 110, virtual),
        ("HsrpMessage", 2, 300, "hello", "active", 120, parse("fe80::5:73ff:fea0:12c")),
    ]


def test_others_report_nothing() -> None:
    """Another port, an unknown version, state or operation, an advertisement of an interface (operation 3, shorter than
    other messages), and a truncated message yield nothing.
    """
    message = version_1(0, 16, 110)
    assert list(Hsrp().dissect(Packet(message, dport=1986))) == []
    advertisement = bytes((0, 3, 0, 1, 0, 10, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0))
    for changed in (b"\x02" + message[1:], version_1(9, 16, 110), version_1(0, 3, 110), advertisement):
        assert list(Hsrp().dissect(Packet(changed, dport=1985))) == []
    assert list(Hsrp().dissect(Packet(message[:12], dport=1985, problem=1))) == []


def test_a_message_that_ends_early() -> None:
    with pytest.raises(Malformed):
        list(Hsrp().dissect(Packet(version_1(0, 16, 110)[:12], dport=1985)))
