"""RADIUS: requests, their methods and stations, and results; passwords and challenges are never reported."""

from __future__ import annotations

import struct

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.radius import Radius
from tests.dissectors.samples import events, packets

PHONE = 0x02005E005302
USER = "CORP\\m.meyer"


def dissect(payload: bytes, problem: int = 0) -> list[object]:
    return list(Radius().dissect(Packet(payload, sport=50500, dport=1812, problem=problem)))


def request(attributes: bytes, size: int | None = None) -> bytes:
    return struct.pack("!BBH", 1, 9, 20 + len(attributes) if size is None else size) + bytes(16) + attributes


def test_the_sample() -> None:
    """Each request yields user, method, station and port; each result its number."""
    assert [one for packet in packets("radius") for one in events(Radius().dissect(packet))] == [
        ("RadiusRequest", 1, USER, "user", "peap", PHONE, 0, 17),
        ("RadiusResult", 1, False),
        ("RadiusRequest", 2, "anna@example.net", "user", "pap", 0, parse("203.0.113.7"), -1),
        ("RadiusResult", 2, True),
        ("RadiusRequest", 3, USER, "user", "mschap", 0, 0, -1),
        ("RadiusRequest", 4, USER, "user", "chap", 0, 0, -1),
        ("RadiusRequest", 5, "02005e005303", "mac", "pap", 0x02005E005303, 0, -1),
        ("RadiusRequest", 6, "guest", "user", "md5", PHONE, 0, -1),
        ("RadiusRequest", 7, "guest", "user", "identity", PHONE, 0, -1),
    ]


def test_parts_of_an_eap_message_are_joined() -> None:
    """A long EAP message is split over attributes (RFC 3579, 3.1)."""
    [found] = events(dissect(request(b"\x4f\x05\x02\x03\x00" + b"\x4f\x05\x07\x0d\x00")))
    assert found[4] == "tls"


def test_identities_of_sim_cards_are_not_reported() -> None:
    name = b"0001010123456789@wlan.mnc001.mcc001.3gppnetwork.org"
    [found] = events(dissect(request(bytes((1, len(name) + 2)) + name)))
    assert found[2:4] == ("", "sim")


@pytest.mark.parametrize("code", [0, 4, 5, 11, 12, 40, 43])
def test_other_messages_report_nothing(code: int) -> None:
    """Accounting, challenges, status and changes of authorization."""
    assert dissect(struct.pack("!BBH", code, 1, 20) + bytes(16)) == []


@pytest.mark.parametrize(
    "payload",
    [b"\x01\x02", request(b"", 19), request(b"", 21), request(b"\x01\x01"), request(b"\x01\x09ab"), request(b"\x01")],
)
def test_malformed(payload: bytes) -> None:
    """Lengths out of range are malformed; of a truncated message the complete attributes are read."""
    with pytest.raises(Malformed):
        dissect(payload)


def test_truncated_messages() -> None:
    whole = request(b"\x01\x06anna\x1f\x13" + b"02-00-5E-00-53-02")
    [found] = events(dissect(whole[:30], problem=1))
    assert (found[2], found[5]) == ("anna", 0)
    assert dissect(b"\x01", problem=1) == []
