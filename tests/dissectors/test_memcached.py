"""memcached: the version, and access without a login."""

from __future__ import annotations

import pytest

from pcaps.dissectors.memcached import STATISTICS, VALUE, VERSION, datagram
from sensor.core.packet import Packet
from sensor.dissectors.memcached import Memcached
from tests.dissectors.samples import events, packets, values

OPEN = ("MemcachedLogin", "", "none", True, "")
ROLE = ("memcached.role", "memcached server")
NAMED = ("memcached.version", "1.6.38")


def session(port: int) -> tuple[list[object], list[tuple[str, str]]]:
    """The events and observations of one connection of the capture."""
    stream = Memcached().stream(Packet())
    parsed = [
        parsed
        for one in packets("memcached")
        if port in (one.sport, one.dport)
        for parsed in stream.feed(one, one.payload, one.sport == port)
    ]
    return events(parsed), values(parsed)


@pytest.mark.parametrize("port", [49430, 49431, 49432])
def test_a_server_without_logins(port: int) -> None:
    """Data and statistics are given to a client that did not log in; the version is in two answers."""
    assert session(port) == ([OPEN], [ROLE, NAMED])


@pytest.mark.parametrize("port", [49433, 49434, 49435, 49436])
def test_a_server_with_logins(port: int) -> None:
    """A client that may have logged in, and one that is rejected, prove nothing."""
    assert session(port) == ([], [])


def test_datagrams() -> None:
    """Over UDP there are no logins: each answer shows it."""
    parsed = [list(Memcached().dissect(one)) for one in packets("memcached") if one.proto == 17]
    assert [(events(one), values(one)) for one in parsed] == [
        ([OPEN], [ROLE, NAMED]),
        ([OPEN], [ROLE, NAMED]),
        ([OPEN], [ROLE]),
    ]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        datagram(b""),
        datagram(VALUE, 1, 2),
        datagram(VALUE, count=0),
        b"\0\0\0\0\0\1\0\1" + VALUE,
        datagram(b"\0\1"),
    ],
)
def test_other_datagrams(payload: bytes) -> None:
    """Later datagrams of an answer, and those of other protocols, yield nothing."""
    assert list(Memcached().dissect(Packet(payload, sport=11211, dport=40000))) == []


def test_requests_in_datagrams() -> None:
    """What a client sends shows nothing about its server."""
    assert list(Memcached().dissect(Packet(datagram(VERSION), sport=40000, dport=11211))) == []


@pytest.mark.parametrize(
    "parts",
    [
        [(False, VALUE)],  # the request is not captured
        [(True, b"set k 0 0 16\r\nVERSION 9.9.9\r\n\r\n"), (False, b"STORED\r\n")],
        [(True, b"\x16\x03\x01\0\5hello"), (False, b"\x16\x03\x03\0\5hello")],
        [(True, b"get k\r\n"), (False, b"ERROR\r\n")],
    ],
)
def test_other_connections(parts: list[tuple[bool, bytes]]) -> None:
    """Values that look like an answer, other protocols and errors yield nothing."""
    stream, packet = Memcached().stream(Packet()), Packet(proto=6)
    assert [one for from_client, data in parts for one in stream.feed(packet, data, from_client)] == []


def test_the_version_inside_a_value() -> None:
    """A value that looks like statistics is not read, and neither is the rest of an answer after a gap."""
    stream, packet = Memcached().stream(Packet()), Packet(proto=6)
    parsed = [*stream.feed(packet, b"get k\r\n", True), *stream.feed(packet, b"VALUE k 0 90\r\n" + STATISTICS, False)]
    assert values(parsed) == [ROLE]
    assert (list(stream.gap(packet, 900, False)), list(stream.feed(packet, b"abc" + VERSION, False))) == ([], [])
