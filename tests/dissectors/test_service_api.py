"""Interfaces over HTTP: versions, and access without a login."""

from __future__ import annotations

from typing import Any

import pytest

from pcaps.dissectors.service_api import COUCH, DOCKER, ELASTIC, ETCD, INFLUX, KEYS, exchange
from sensor.core.packet import Packet
from sensor.dissectors.service_api import REQUESTS_LIMIT, ServiceApi
from tests.dissectors.samples import events, packets, values

# Program that serves any client, and the version, of each connection of the sample capture.
EXPECTED = {
    49430: ("Elasticsearch", "Elasticsearch 8.11.1"),
    49431: ("OpenSearch", "OpenSearch 2.11.0"),
    49432: ("etcd", "etcd 3.5.16"),
    49433: ("InfluxDB", "InfluxDB 1.6.7"),
    49434: ("Docker", "Docker 26.1.5"),
    49435: ("CouchDB", "CouchDB 3.3.3"),
    49436: ("", "Elasticsearch 8.11.1"),
    49437: ("", "CouchDB 3.3.3"),
}


def conversation(parts: list[tuple[bool, bytes]]) -> list[Any]:
    stream, packet = ServiceApi().stream(Packet()), Packet(proto=6)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


def served(name: str) -> list[Any]:
    return [("ServiceApiLogin", "", "none", True, "", name)] if name else []


@pytest.mark.parametrize("port", EXPECTED)
def test_interfaces(port: int) -> None:
    """The version, and whether a client without credentials is served."""
    found = [one for one in packets("service_api") if port in (one.sport, one.dport)]
    parsed = conversation([(one.sport == port, one.payload) for one in found])
    name, version = EXPECTED[port]
    assert (events(parsed), values(parsed)) == (served(name), [("service_api.version", version)])


@pytest.mark.parametrize(
    "parts",
    [
        exchange(b"/ping", b"", *INFLUX, status=b"204 No Content"),
        exchange(b"/query?q=SHOW&u=shop&p=secret", b"{}", *INFLUX),
        exchange(b"/v1.45/containers/json", b"{}", *DOCKER, status=b"403 Forbidden"),
        exchange(b"/_all_dbs", b"[]", *COUCH, sent=b"Cookie: AuthSession=abc"),
        exchange(b"/version", ETCD),
    ],
)
def test_no_access(parts: list[tuple[bool, bytes]]) -> None:
    """Pages that need no login, requests with credentials, and rejected ones prove nothing."""
    assert events(conversation(parts)) == []


@pytest.mark.parametrize(
    "parts",
    [
        exchange(b"/", b'{"version": {"number": "1.2.3"}}'),
        exchange(b"/", ELASTIC, b"Via: 1.1 proxy"),
        exchange(b"/v3/kv/range", KEYS)[1:],  # the request is not captured
        [(True, b"\x16\x03\x01\2\0" + bytes(60)), (False, b"\x16\x03\x03" + bytes(60))],
        [(True, b"PUT /a HTTP/1.1\r\n\r\n"), (False, b"no HTTP\r\n\r\n" + ELASTIC)],
        [(True, b"GET / HTTP/1.1\r\n\r\n"), (False, b"HTTP/1.1 200 OK\r\n" + b"a" * 9000)],
    ],
)
def test_other_answers(parts: list[tuple[bool, bytes]]) -> None:
    """Other interfaces, forwarded answers and other protocols yield nothing."""
    assert conversation(parts) == []


def test_a_client_that_requests_no_version() -> None:
    """The program is in a field of each answer, the version where a client requests it."""
    search = exchange(b"/shop/_search", b'{"hits":{}}', b"X-elastic-product: Elasticsearch")
    parsed = conversation([*search, *exchange(b"/", ELASTIC, b"X-elastic-product: Elasticsearch")])
    assert events(parsed) == served("Elasticsearch")
    assert [value for _, value in values(parsed)] == ["Elasticsearch", "Elasticsearch 8.11.1"]


def test_after_a_gap() -> None:
    """An answer is not read without its request."""
    stream, packet = ServiceApi().stream(Packet()), Packet(proto=6)
    request, answer = exchange(b"/", ELASTIC)
    list(stream.feed(packet, request[1], True))
    list(stream.gap(packet, 100, True))
    assert list(stream.feed(packet, answer[1], False)) == []


def test_a_connection_is_followed_for_its_first_requests() -> None:
    """A client that keeps its connection shows nothing new later."""
    stream, packet = ServiceApi().stream(Packet()), Packet(proto=6)
    for number in range(REQUESTS_LIMIT + 1):
        assert not stream.done, number
        for from_client, data in exchange(b"/unknown", b"{}"):
            list(stream.feed(packet, data, from_client))
    assert stream.done
