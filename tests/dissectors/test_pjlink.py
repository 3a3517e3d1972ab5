"""PJLink: projectors and displays."""

from __future__ import annotations

import pytest

from pcaps.dissectors.pjlink import queried
from sensor.core.dissector import Parsed
from sensor.core.packet import Packet
from sensor.dissectors.pjlink import LINES_LIMIT, Pjlink
from tests.dissectors.samples import events, packets, values

CAMERA = 0x02005E005306
PRODUCT = [("vendor", "EPSON"), ("model", "EPSON EB-L615U"), ("device_name", "Room 3"), ("serial", "X5TJ8900123")]
PRODUCT += [("firmware", "1.10")]


def parsed(*parts: tuple[bool, bytes]) -> list[Parsed]:
    stream, packet = Pjlink().stream(Packet()), Packet(proto=6)
    return [one for from_client, data in parts for one in stream.feed(packet, data, from_client)]


@pytest.mark.parametrize(
    ("port", "expected", "observed"),
    [
        (
            49560,
            [("PjlinkGreeting", False), *(("PjlinkProduct", *one) for one in PRODUCT)],
            [("pjlink.response", "greeting"), *((f"pjlink.{name}", value) for name, value in PRODUCT)],
        ),
        (49561, [("PjlinkGreeting", True), ("PjlinkRefusal",)], [("pjlink.response", "greeting")]),
    ],
)
def test_sample(port: int, expected: list[object], observed: list[object]) -> None:
    """Each property is reported once however often it is polled; errors and measurements are not."""
    stream = Pjlink().stream(Packet())
    found = [
        each
        for one in packets("pjlink")
        if port in (one.sport, one.dport)
        for each in stream.feed(one, one.payload, one.sport == port)
    ]
    assert (events(found), values(found)) == (expected, observed)


def test_discovery() -> None:
    """A search, and the response of a projector; one that another host repeats is not about it."""
    found = [list(Pjlink().dissect(one)) for one in packets("pjlink") if one.proto == 17]
    assert [events(one) for one in found] == [
        [("PjlinkSearch",)],
        [("PjlinkFound", CAMERA, True)],
        [("PjlinkFound", CAMERA, False)],
    ]
    assert [values(one) for one in found] == [[], [("pjlink.response", "found")], []]


def test_in_pieces() -> None:
    """A conversation in single bytes yields the same events."""
    whole = queried(("%1INF1", "NEC"))
    pieces = [(from_client, data[n : n + 1]) for from_client, data in whole for n in range(len(data))]
    assert events(parsed(*pieces)) == [("PjlinkProduct", "vendor", "NEC")]


@pytest.mark.parametrize("data", [b"HTTP/1.1 200 OK\r\n", b"\x16\x03\x01\r", b"%1INF1 ?\r", b"%3INF1=a\r"])
def test_others_end_the_stream(data: bytes) -> None:
    """Other protocols on this port yield nothing, and nothing after them is read."""
    assert parsed((False, data), (False, b"%1INF1=NEC\r")) == []


@pytest.mark.parametrize("payload", [b"%2ACKN=00:00\r", b"%2ERST=000000\r", b"", b"%2SRCH=\r", bytes(30)])
def test_other_datagrams_are_left_alone(payload: bytes) -> None:
    """Other notifications and protocols yield nothing."""
    assert list(Pjlink().dissect(Packet(payload))) == []


def test_an_endless_conversation_ends() -> None:
    """Control systems poll for months."""
    stream, packet = Pjlink().stream(Packet()), Packet(proto=6)
    list(stream.feed(packet, b"%1POWR=1\r" * LINES_LIMIT, False))
    assert stream.done
