"""MongoDB: servers, drivers, logins with their result, and access without a login."""

from __future__ import annotations

from typing import Any

import pytest

from pcaps.dissectors.mongodb import FIND, FOUND, VERSION, bson, exchanges, hello, wire
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.mongodb import Mongodb
from sensor.dissectors.shared.bson import document
from sensor.dissectors.shared.seal import seal
from tests.dissectors.samples import events, packets, values

FACTS = [
    ("mongodb.driver", "PyMongo|c 4.20.1|"),
    ("mongodb.os", "Linux Linux 6.1.0-28-amd64"),
    ("mongodb.wire", "21"),
]
OPEN = ("MongodbLogin", "", "none", True, "")
SCRAM = "scram-sha-256"


def session(port: int) -> list[Any]:
    """All that is parsed of one connection of the capture."""
    stream = Mongodb().stream(Packet())
    return [
        parsed
        for one in packets("mongodb")
        if port in (one.sport, one.dport)
        for parsed in stream.feed(one, one.payload, one.sport == port)
    ]


def conversation(parts: list[tuple[bool, bytes]]) -> list[Any]:
    stream, packet = Mongodb().stream(Packet()), Packet(proto=6)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


def test_data_without_a_login() -> None:
    """The client's driver and system, the server's versions, that it serves any client, and what it stores."""
    parsed = session(49430)
    assert values(parsed) == [*FACTS, ("mongodb.version", "7.0.14")]
    assert events(parsed) == [OPEN, ("ServiceCommand", "mongodb", "insert READ__ME_TO_RECOVER_YOUR_DATA.README")]


@pytest.mark.parametrize(
    ("port", "login"),
    [
        (49431, ("MongodbLogin", "shop", SCRAM, True, "")),
        (49432, ("MongodbLogin", "admin", SCRAM, False, "")),
        (49433, ("MongodbLogin", "shop", SCRAM, False, "")),
        (49434, ("MongodbLogin", "shop", "clear", True, seal("shop", b"not to be kept"))),
    ],
)
def test_logins(port: int, login: tuple[object, ...]) -> None:
    """A login that begins with the handshake or after it has one result; data after it is not open."""
    parsed = session(port)
    assert (values(parsed), events(parsed)) == (FACTS, [login])
    assert "kept" not in repr(parsed)


def test_a_login_is_required() -> None:
    """A rejected command is no access, and no failed login."""
    assert events(session(49435)) == []


def test_the_third_exchange_of_older_servers() -> None:
    """SCRAM with an empty exchange at the end: the login ends with it."""
    start = {"saslStart": 1, "mechanism": "SCRAM-SHA-1", "payload": b"n,,n=shop,r=abc"}
    more, done = {"done": False, "payload": b"x", "ok": 1.0}, {"done": True, "payload": b"", "ok": 1.0}
    on = {"saslContinue": 1, "payload": b"y"}
    parsed = conversation(exchanges(hello(), (start, more), (on, more), (on, done)))
    assert events(parsed) == [("MongodbLogin", "shop", "scram-sha-1", True, "")]


def test_the_handshake_is_repeated() -> None:
    """Clients monitor servers with it: it is reported once."""
    assert values(conversation(exchanges(hello(), ({"hello": 1}, hello()[1])))) == FACTS


def test_a_compatible_server() -> None:
    """The version of MongoDB that FerretDB names is not its own."""
    parsed = conversation(exchanges(hello(), ({"buildInfo": 1}, {"version": "7.0.42", "ferretdb": {}, "ok": 1.0})))
    assert values(parsed) == FACTS


@pytest.mark.parametrize(
    "parts",
    [
        exchanges(hello(), (FIND, FOUND))[2:],  # captured from its middle
        [(True, b"\x16\x03\x01\2\0\1\0\1\xfc\3\3" + bytes(20)), (False, b"\x16\x03\x03" + bytes(20))],
        [(False, exchanges(hello())[1][1])],
        [(True, wire(2012, bytes(20)))],
        [(True, wire(2013, b"\0\0\0\0\1" + bson(FIND)))],
    ],
)
def test_other_connections(parts: list[tuple[bool, bytes]]) -> None:
    """Connections without their handshake, under TLS or compression yield nothing."""
    assert conversation(parts) == []


def test_no_message_after_the_handshake() -> None:
    with pytest.raises(Malformed):
        conversation([*exchanges(hello()), (True, bytes(16))])


def test_after_a_gap() -> None:
    """A login may be missing: what follows shows nothing."""
    stream, packet = Mongodb().stream(Packet()), Packet(proto=6)
    for from_client, data in exchanges(hello()):
        list(stream.feed(packet, data, from_client))
    assert (list(stream.gap(packet, 100, True)), stream.done) == ([], True)


def test_a_document_with_all_types() -> None:
    """Values that are not read are skipped; after an unknown one nothing is read."""
    fixed = b"\x07i" + bytes(13) + b"\x0an\0" + b"\x11t" + bytes(9) + b"\x12l\0" + (7).to_bytes(8, "little")
    data = bytes(4) + fixed + b"\x08b\0\1" + b"\x0br\0a\0b\0" + b"\x10x\0\1\0\0\0\0"
    assert document(data) == {"i": None, "n": None, "t": None, "l": 7, "b": True}
    assert document(bson({"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}})) == {"a": {"b": {"c": {"d": {"e": None}}}}}


@pytest.mark.parametrize("size", range(len(bson(VERSION))))
def test_a_truncated_document(size: int) -> None:
    """Elements before the end are read."""
    whole = document(bson(VERSION))
    assert document(bson(VERSION)[:size]).items() <= whole.items()
