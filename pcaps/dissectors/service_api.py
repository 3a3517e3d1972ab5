"""Interfaces over HTTP: databases and a container host without a login, one that requires it, and a client with one."""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5")
ELASTIC = b"""{
  "name" : "node-1",
  "cluster_name" : "shop",
  "cluster_uuid" : "Zr0mFPxIS6y5aCQ8vKX0Ng",
  "version" : {
    "number" : "8.11.1",
    "build_flavor" : "default",
    "lucene_version" : "9.8.0"
  },
  "tagline" : "You Know, for Search"
}
"""
OPEN_SEARCH = ELASTIC.replace(b'"number" : "8.11.1"', b'"distribution" : "opensearch",\n    "number" : "2.11.0"')
ETCD, KEYS = b'{"etcdserver":"3.5.16","etcdcluster":"3.5.0"}', b'{"header":{"cluster_id":"12737750194933763807"}}'
INFLUX = (b"X-Influxdb-Build: OSS", b"X-Influxdb-Version: 1.6.7~rc0")
DOCKER = (b"Api-Version: 1.45", b"Docker-Experimental: false", b"Server: Docker/26.1.5 (linux)")
COUCH = (b"Server: CouchDB/3.3.3 (Erlang OTP/25)",)
Parts = list[tuple[bool, bytes]]


def exchange(path: bytes, body: bytes = b"{}", *fields: bytes, status: bytes = b"200 OK", sent: bytes = b"") -> Parts:
    """A request, with a field, and its answer."""
    request = b"GET " + path + b" HTTP/1.1\r\nHost: db\r\n" + (sent + b"\r\n" if sent else b"") + b"\r\n"
    lines = (b"HTTP/1.1 " + status, b"Content-Type: application/json", b"Content-Length: %d" % len(body), *fields)
    return [(True, request), (False, b"\r\n".join(lines) + b"\r\n\r\n" + body)]


def frames() -> Frames:
    sessions: list[tuple[int, Parts]] = [
        (9200, exchange(b"/", ELASTIC)),
        (9200, exchange(b"/", OPEN_SEARCH)),
        (2379, [*exchange(b"/version", ETCD), *exchange(b"/v3/kv/range", KEYS)]),
        (8086, exchange(b"/query?q=SHOW%20DATABASES", b'{"results":[]}', *INFLUX)),
        (2375, exchange(b"/v1.45/containers/json", b"[]", *DOCKER)),
        (5984, [*exchange(b"/", b'{"couchdb":"Welcome"}', *COUCH), *exchange(b"/_all_dbs", b"[]", *COUCH)]),
        (9200, exchange(b"/", ELASTIC, sent=b"Authorization: Basic ZWxhc3RpYzpzZWNyZXQ=")),
        (5984, exchange(b"/_all_dbs", b"{}", *COUCH, status=b"401 Unauthorized")),
    ]
    for port, (service, parts) in enumerate(sessions, 49430):
        yield from conversation((*CLIENT, port), (*SERVER, service), parts)
