"""IKE: initiators, unencrypted payloads, and the sizes of encrypted ones."""

from __future__ import annotations

import pytest

from pcaps.dissectors.isakmp import CLIENT_SPI, group, message, notification, payload
from sensor.core.batch import Problem
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.isakmp import Isakmp
from tests.dissectors.samples import events, packets

SPI, OTHER = CLIENT_SPI.hex(), CLIENT_SPI[::-1].hex()


def dissect(payload_: bytes, port: int = 500, problem: int = 0) -> list[object]:
    return list(Isakmp().dissect(Packet(payload_, sport=port, dport=port, problem=problem)))


def test_the_sample() -> None:
    assert [one for packet in packets("isakmp") for one in events(Isakmp().dissect(packet))] == [
        ("IkeMessage", 2, "ike_sa_init", SPI, False, False, 184, 1, "", 0),
        ("IkeMessage", 2, "ike_sa_init", SPI, True, False, 184, 1, "", 0),
        ("IkeMessage", 2, "ike_auth", SPI, False, True, 232, 1, "", 0),
        ("IkeMessage", 2, "ike_auth", SPI, True, True, 80, 1, "", 0),
        ("IkeMessage", 2, "ike_sa_init", OTHER, False, False, 184, 1, "", 0),
        ("IkeMessage", 1, "aggressive", SPI, False, False, 69, 1, "staff", 0),
        ("IkeMessage", 1, "informational", SPI, True, False, 40, 1, "", 24),
    ]


def test_others_are_left_alone() -> None:
    """ESP, NAT keepalives (RFC 3948), and unknown versions and exchanges yield nothing."""
    assert dissect(b"\1\2\3\4" + bytes(60), port=4500) == dissect(b"\xff", port=4500) == []
    assert dissect(message(3, 34, 0, b"")) == dissect(message(2, 99, 0, b"")) == []
    assert dissect(message(2, 34, 0, b"", initiator=bytes(8))) == []


def test_notifications_of_version_2() -> None:
    """IKEv2 notifications are in the clear only before the keys are exchanged: no proposal chosen."""
    (found,) = events(dissect(message(2, 34, 41, payload(0, b"\0\0\0\x0e"), flags=0x20)))
    assert found[-1] == 14


@pytest.mark.parametrize(
    "payload_",
    [group(b"staff")[:20], group(b"staff")[:-1], message(2, 34, 33, b"\0\0\0\3"), message(2, 34, 33, b"\0\0\1\0")],
)
def test_malformed(payload_: bytes) -> None:
    """Messages that end early, and payloads shorter than their header or longer than the message, are malformed, unless
    the capture truncated them.
    """
    with pytest.raises(Malformed):
        dissect(payload_)
    assert len(dissect(payload_, problem=Problem.CUT)) <= 1
    assert dissect(notification(24)[:20], problem=Problem.CUT) == []
