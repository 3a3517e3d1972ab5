"""SOCKS: destinations that clients request, and whether the proxy connected to them."""

from __future__ import annotations

import pytest

from pcaps.dissectors.socks import GRANTED, SOCKS4, SOCKS4A, TO_ADDRESS, TO_NAME
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.dissectors.socks import Socks
from tests.dissectors.samples import events, packets

INNER = parse("10.20.30.7")


def conversation(*parts: tuple[bool, bytes]) -> list[tuple[object, ...]]:
    stream, packet = Socks().stream(Packet()), Packet(proto=6)
    return [event for from_client, data in parts for event in events(stream.feed(packet, data, from_client))]


@pytest.mark.parametrize(
    ("port", "requested", "granted"),
    [
        (49630, (5, "connect", INNER, "", 445, True), True),
        (49631, (5, "connect", 0, "www.example", 443, True), False),
        (49632, (4, "connect", INNER, "", 22, True), True),
        (49633, (4, "connect", 0, "www.example", 80, True), False),
        (49634, (5, "connect", INNER, "", 445, False), True),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_sample(port: int, requested: tuple[object, ...], granted: bool) -> None:
    """Each version yields the request and the proxy's reply; users and passwords are not reported."""
    stream = Socks().stream(Packet())
    found = [
        event
        for one in packets("socks")
        if port in (one.sport, one.dport)
        for event in events(stream.feed(one, one.payload, one.sport == port))
    ]
    assert found == [("SocksRequest", *requested), ("SocksReply", granted, requested[-1])]
    assert "hidden" not in repr(found)


def test_in_pieces() -> None:
    """A conversation in single bytes yields the same events."""
    parts = [(True, b"\5\1\0"), (False, b"\5\0"), (True, TO_NAME), (False, GRANTED)]
    split = [(side, data[n : n + 1]) for side, data in parts for n in range(len(data))]
    assert conversation(*split) == conversation(*parts)
    assert len(conversation(*parts)) == 2


def test_request_without_its_greeting() -> None:
    """A capture that begins at the request reports it."""
    assert conversation((True, TO_ADDRESS)) == [("SocksRequest", 5, "connect", INNER, "", 445, True)]


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\0\5hello",
        b"\5\1\0\1" + b"\0" * 30,
        TO_ADDRESS[:-2] + b"\0\0",
        SOCKS4[:-1],
        SOCKS4[:2] + b"\0\0" + SOCKS4[4:],
        SOCKS4A[:-1],
        b"\4\1\0\x50\0\0\0\1\0",
        b"\5\1\0\3\x03\xff\xff\xff\x01\xbb",
        b"\5",
    ],
)
def test_others_report_nothing(sent: bytes) -> None:
    """Other protocols, requests with more bytes or without a port, and truncated ones yield nothing."""
    assert conversation((True, sent), (False, b"+OK\r\n")) == []


def test_a_gap_ends_reading() -> None:
    stream, packet = Socks().stream(Packet()), Packet(proto=6)
    list(stream.gap(packet, 10, True))
    assert events(stream.feed(packet, TO_ADDRESS, True)) == []
