"""VRRP: the master router of a group."""

from __future__ import annotations

import pytest

from pcaps.dissectors.vrrp import advertisement
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.vrrp import Vrrp
from tests.dissectors.samples import events, packets


def test_sample() -> None:
    """Both versions and address families, and a master that resigns, are reported."""
    parsed = [one for packet in packets("vrrp") for one in events(Vrrp().dissect(packet))]
    assert parsed == [
        ("VrrpAdvertisement", 2, 7, 120, (parse("10.20.30.1"),)),
        ("VrrpAdvertisement", 3, 9, 255, (parse("fe80::1"), parse("2001:db8::1"))),
        ("VrrpAdvertisement", 2, 7, 0, (parse("10.20.30.1"),)),
    ]


def test_others_report_nothing() -> None:
    """Forwarded messages, an unknown version and a truncated message yield nothing."""
    message = advertisement(7, 120, "10.20.30.1")
    assert list(Vrrp().dissect(Packet(message, proto=112, ttl=64))) == []
    assert list(Vrrp().dissect(Packet(b"\x91" + message[1:], proto=112, ttl=255))) == []
    assert list(Vrrp().dissect(Packet(message[:6], proto=112, ttl=255, problem=1))) == []


def test_a_message_that_ends_early() -> None:
    """A message that ends inside its header or an address is malformed."""
    message = advertisement(7, 120, "10.20.30.1", version=3)
    for size in (3, 10):
        with pytest.raises(Malformed):
            list(Vrrp().dissect(Packet(message[:size], proto=112, ttl=255)))
