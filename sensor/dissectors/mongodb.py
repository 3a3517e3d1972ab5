"""MongoDB and compatible servers over TCP (MongoDB manual, wire protocol and handshake): servers and their versions,
drivers and systems of their clients, logins with their mechanism and result, and access without a login.

Reads the first commands of a connection (OP_MSG, OP_QUERY) and their replies: the handshake, SASL, buildInfo; of all
other commands the name, and the collection that one inserts into. Documents and queries are not read, nor is anything
under TLS or compression. Proofs are never stored; a cleartext password is stored as a seal.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.service_command import ServiceCommand
from sensor.dissectors.shared.bson import document
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.login_events import CLEAR, NONE, PasswordLogin
from sensor.dissectors.shared.sasl import plain
from sensor.dissectors.shared.sender_facts import fact, facts

PORT = 27017
HEAD = struct.Struct("<iiii")  # size, number of the message, of the one it answers, operation
REPLY, QUERY, MESSAGE, COMPRESSED = 1, 2004, 2013, 2012
OPERATIONS = frozenset((REPLY, QUERY, MESSAGE, COMPRESSED, *range(2001, 2008)))
SIZE_LIMIT = 48_000_000  # maxMessageSizeBytes
NAME_LIMIT, TEXT_LIMIT = 128, 255
HELLO = frozenset(("hello", "isMaster", "ismaster"))
VERSIONS = frozenset(("buildInfo", "buildinfo"))
LOGINS = frozenset(("saslStart", "saslContinue", "authenticate"))
# Commands that a server with logins rejects before one.
DATA = frozenset((
    "aggregate", "count", "create", "delete", "distinct", "drop", "dropDatabase", "find", "findAndModify", "insert",
    "listCollections", "listDatabases", "serverStatus", "update",
))  # fmt: skip
REJECTED = 18  # AuthenticationFailed
_NAME = lazy_pattern(rb"n=([^,]{1,128}),")


class MongodbLogin(PasswordLogin):
    """``method``: the mechanism in lower case, ``clear`` for PLAIN, ``none`` if the server serves a client without a
    login.
    """


class _Login(NamedTuple):
    """A pending login."""

    user: str
    method: str
    seal: str = ""


class Mongodb(Dissector):
    """The first messages of each side. The handshake of most drivers (OP_QUERY) is recognized on any port."""

    interest = Interest(tcp=(PORT,), magic=((12, QUERY.to_bytes(4, "little")),), stream=True, opening=4)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return MongodbStream()


class MongodbStream(FramedStream):
    """A connection from its handshake on. One captured from its middle yields nothing."""

    head = HEAD.size
    resumes = False

    def __init__(self) -> None:
        super().__init__()
        self._greeted = self._named = self._proved = self._served = False
        self._command, self._number = "", 0  # the last command, and its message
        self._login: _Login | None = None

    def size(self, data: bytes, at: int) -> int:
        size, _, _, operation = HEAD.unpack_from(data, at)
        if operation in OPERATIONS and HEAD.size < size <= SIZE_LIMIT:
            return int(size)
        if self._greeted:
            raise Malformed("no message")
        self.done = True  # another protocol, such as TLS
        return 0

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        self.done = True
        return iter(())

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        body = _document(data)
        if body is None:
            return iter(())
        _, number, answered, _ = HEAD.unpack_from(data)
        if from_client:
            self._command, self._number = next(iter(body), ""), number
            return iter(self._requested(packet, body))
        if answered != self._number or not self._greeted:
            return iter(())
        return iter(self._answered(packet, body))

    def _requested(self, packet: Packet, body: dict[str, Any]) -> list[Parsed]:
        """A command: its name is the first element."""
        if self._command in HELLO:
            self._greeted = True
            self._start(body.get("speculativeAuthenticate"))
            return _client(packet, body.get("client"))
        if not self._greeted:
            self.done = True
        elif self._command in LOGINS:
            self._proved = True
            self._start(body)
        elif self._command == "insert":
            return [ServiceCommand(packet, "mongodb", f"insert {_text(body.get('$db'))}.{_text(body['insert'])}")]
        return []

    def _start(self, body: Any) -> None:
        """A login begins: with its first message, or with the handshake."""
        if not isinstance(body, dict) or "saslStart" not in body:
            return
        method, payload = _text(body.get("mechanism")).lower(), body.get("payload")
        payload = payload if isinstance(payload, bytes) else b""
        if method == "plain":
            user, sealed = plain(payload)
            self._login = _Login(user, CLEAR, sealed)
        else:
            found = _NAME.search(payload)
            self._login = _Login(clean(found[1], NAME_LIMIT) if found else "", method)

    def _answered(self, packet: Packet, body: dict[str, Any]) -> list[Parsed]:
        """The reply to the last command. Only rejections begin with their status; it is the last element of others."""
        accepted = bool(body.get("ok", 1))
        if self._command in HELLO:
            return self._identify(packet, body.get("maxWireVersion"))
        if self._command in LOGINS:
            return self._result(packet, accepted, body)
        if self._command in VERSIONS:
            named = accepted and not any("ferret" in name.lower() for name in body)
            return facts(packet, [("mongodb.version", _text(body.get("version")) if named else "")])
        if self._command in DATA and accepted and not (self._proved or self._served):
            self._served = True
            return [MongodbLogin(packet, "", NONE, True)]
        return []

    def _identify(self, packet: Packet, wire: Any) -> list[Parsed]:
        """The newest version of the protocol of a server, which clients request again and again."""
        if self._named or not isinstance(wire, int):
            return []
        self._named = True
        return [fact(packet, "mongodb.wire", str(wire))]

    def _result(self, packet: Packet, accepted: bool, body: dict[str, Any]) -> list[Parsed]:
        login = self._login
        if login is None or not (body.get("done") if accepted else body.get("code") == REJECTED):
            return []
        self._login = None
        return [MongodbLogin(packet, login.user, login.method, accepted, login.seal)]


def _document(data: bytes) -> dict[str, Any] | None:
    """The first document of a message; None if it has none that is read."""
    operation, at = HEAD.unpack_from(data)[3], HEAD.size
    if operation == MESSAGE:
        return document(data, at + 5) if data[at + 4 : at + 5] == b"\0" else None
    if operation == REPLY:
        return document(data, at + 20)
    end = data.find(b"\0", at + 4) if operation == QUERY else -1
    return document(data, end + 9) if end >= 0 else None


def _client(packet: Packet, client: Any) -> list[Parsed]:
    """How the client describes itself: its driver, and its operating system."""
    if not isinstance(client, dict):
        return []
    driver, system = client.get("driver"), client.get("os")
    return facts(
        packet,
        [
            ("mongodb.driver", _words(driver, "name", "version")),
            ("mongodb.os", _words(system, "type", "name", "version")),
        ],
    )


def _words(values: Any, *names: str) -> str:
    return clean(" ".join(_text(values.get(name)) for name in names), TEXT_LIMIT) if isinstance(values, dict) else ""


def _text(value: Any) -> str:
    return clean(value, TEXT_LIMIT) if isinstance(value, bytes) else ""
