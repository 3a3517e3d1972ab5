"""Kettles and coffee machines of Smarter."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.dissectors.smarter import Smarter
from tests.dissectors.samples import events, packets, values


def session(port: int) -> list[object]:
    stream, found = Smarter().stream(Packet()), []
    for packet in packets("smarter"):
        if port in (packet.sport, packet.dport) and not stream.done:
            found += stream.feed(packet, packet.payload, packet.sport == port)
    return found


def test_an_identity() -> None:
    """The answer to a request for the identity yields product and firmware."""
    assert events(session(49510)) == [("SmarterMachine", "iKettle 2.0", 19)]
    assert values(session(49510)) == [("smarter.product", "iKettle 2.0"), ("smarter.firmware", "19")]


def test_a_status() -> None:
    """The status of a machine yields its product, once."""
    assert events(session(49511)) == [("SmarterMachine", "SmarterCoffee", 0)]
    assert values(session(49511)) == [("smarter.product", "SmarterCoffee")]


@pytest.mark.parametrize(
    "data", [b"", b"\x14", b"\x14\0\0\0\0\0\0", b"\x65\x09\x01\x7e", b"HTTP/1.1 200 OK\r\n", b"\x14~~~~~~~"]
)
def test_other_data_is_left_alone(data: bytes) -> None:
    """Parts of messages, unknown products and other protocols yield nothing; so do messages of the client."""
    assert events(Smarter().stream(Packet()).feed(Packet(), data, False)) == []
    assert events(Smarter().stream(Packet()).feed(Packet(), b"\x65\x01\x13\x7e", True)) == []
