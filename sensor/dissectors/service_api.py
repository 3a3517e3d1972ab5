"""Interfaces of databases and container hosts over HTTP on their own ports (the manuals of Elasticsearch, OpenSearch,
CouchDB, InfluxDB, etcd and Docker): versions in their first answers, and access without a login.

Reads the head of a request, and the head and the beginning of its answer. Data is not read. The ``http`` dissector
reads the same connections; it stores no answers in JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors._http_fields import FORWARDED
from sensor.dissectors.shared.http_message import HEAD_END, Head, read_head
from sensor.dissectors.shared.login_events import NONE, PasswordLogin
from sensor.dissectors.shared.sender_facts import fact

PORTS = (2375, 2379, 5984, 8086, 9200)
KEPT_LIMIT, NAMED_LIMIT = 4096, 4
REQUESTS_LIMIT = 8  # of a connection
SUCCESS = (200, 204)
CREDENTIALS = frozenset((b"authorization", b"cookie"))
_PASSWORD = lazy_pattern(rb"[?&](?:p|pass|password|token)=")


class _Interface(NamedTuple):
    """Patterns of the answer, which may have the version, and of the path of requests that need a login, if the server
    has any.
    """

    name: str
    answer: re.Pattern[bytes]
    closed: re.Pattern[bytes]


INTERFACES = (
    _Interface(
        "Elasticsearch",  # clients of version 8 request no version
        lazy_pattern(rb"\r\nX-elastic-product: Elasticsearch()\r", re.IGNORECASE),
        lazy_pattern(rb"/"),
    ),
    _Interface(
        "Elasticsearch",
        lazy_pattern(rb'"cluster_name"[^{}]{1,300}"version"\s*:\s*\{\s*"number"\s*:\s*"(\d[\w.-]{1,20})"'),
        lazy_pattern(rb"/"),
    ),
    _Interface(
        "OpenSearch",
        lazy_pattern(rb'"version"\s*:\s*\{\s*"distribution"\s*:\s*"opensearch",\s*"number"\s*:\s*"(\d[\w.-]{1,20})"'),
        lazy_pattern(rb"/"),
    ),
    _Interface(
        "CouchDB",
        lazy_pattern(rb"\r\nServer: CouchDB/(\d[\d.]{1,20})", re.IGNORECASE),
        lazy_pattern(rb"/(?:_all_dbs|[a-z][^/?]{0,80}/_all_docs)"),
    ),
    _Interface(
        "InfluxDB",
        lazy_pattern(rb"\r\nX-Influxdb-Version: v?(\d[\d.]{1,20})", re.IGNORECASE),
        lazy_pattern(rb"/(?:query|write)\b"),
    ),
    _Interface(
        "etcd",
        lazy_pattern(rb'\r\n\r\n\{"(?:etcdserver":"(\d[\d.]{1,20})"|header":\{"cluster_id":")'),
        lazy_pattern(rb"/v3/kv/"),
    ),
    _Interface(
        "Docker",
        lazy_pattern(rb"\r\nServer: Docker/(\d[\d.]{1,20})", re.IGNORECASE),
        lazy_pattern(rb"/(?:v\d\.\d{1,3}/)?(?:containers|images|info|version|exec)\b"),
    ),
)


class ServiceApiLogin(PasswordLogin):
    """A server serves a client without a login: ``method`` is always ``none``. ``service``: its program."""

    service: str = ""


class ServiceApi(Dissector):
    """The first messages of each side."""

    interest = Interest(tcp=PORTS, stream=True, opening=2)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return ServiceApiStream()


class ServiceApiStream(Stream):
    """One connection: the last request and its answer, and what was reported."""

    def __init__(self) -> None:
        self._request, self._answer = b"", b""
        self._requests = 0
        self._named: list[str] = []
        self._served = False

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if self.done:
            return
        if from_client:
            if self._answer or not self._request:
                self._request = self._answer = b""
                self._requests += 1
            self._request += data[: KEPT_LIMIT - len(self._request)]
            # another protocol, such as TLS; or a client that goes on for long
            self.done = not self._request[:1].isupper() or self._requests > REQUESTS_LIMIT
            return
        self._answer += data[: KEPT_LIMIT - len(self._answer)]
        requested, answer = _head(self._request), _head(self._answer)
        if requested is not None and answer is not None and FORWARDED.isdisjoint(answer.fields):
            yield from self._read(packet, requested, answer)

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        self.done = True
        return iter(())

    def _read(self, packet: Packet, requested: Head, answer: Head) -> Iterator[Parsed]:
        for interface in INTERFACES:
            found = interface.answer.search(self._answer)
            if found is None:
                continue
            if not self._served and interface.closed.match(requested.target) and _is_open(requested, answer):
                self._served = True
                yield ServiceApiLogin(packet, "", NONE, True, service=interface.name)
            program = f"{interface.name} {(found[1] or b'').decode('ascii')}".rstrip()
            if not any(known.startswith(program) for known in self._named):
                self._named.append(program)
                self.done = len(self._named) >= NAMED_LIMIT
                yield fact(packet, "service_api.version", program)


def _head(data: bytes) -> Head | None:
    """The head of a message; None if it is not complete, or another protocol."""
    end = HEAD_END.search(data)
    try:
        return read_head(data[: end.start()]) if end is not None else None
    except Malformed:
        return None


def _is_open(requested: Head, answer: Head) -> bool:
    """Whether a request without credentials succeeds."""
    shown = not CREDENTIALS.isdisjoint(requested.fields) or _PASSWORD.search(requested.target)
    return answer.status in SUCCESS and not shown
