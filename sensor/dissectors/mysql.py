"""MySQL and MariaDB over TCP (MySQL internals, Client/Server Protocol): server identity, and logins with their plugin
and result.

Reads the greeting, the client's response and the result, through a change of plugin. Of the first statements after the
login, those that load code or write files are reported. Nothing is read under TLS. Proofs are never stored; only the
cleartext plugin exposes a password, which is stored as a seal.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.service_command import ServiceCommand
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.login_events import CLEAR, PasswordLogin
from sensor.dissectors.shared.seal import seal
from sensor.dissectors.shared.sender_facts import facts
from sensor.dissectors.shared.sql_statements import SEARCHED, statement_in

PORT = 3306
HEAD_SIZE = 4
PROTOCOL = 10
FIRST = (b"\0\n", b"\0\xff")  # number of the first message, and whether it is a greeting or an error
VERSIONS = (b"5.", b"8.", b"9.", b"11", b"12")  # the first two characters; MariaDB 10 begins with 5.5.5
NAME_LIMIT, PLUGIN_LIMIT = 128, 64
SIZE_LIMIT = 65536  # bytes of a message before a login succeeds
WITH_DATABASE, NEW_PROTOCOL, TLS, PLUGINS = 0x8, 0x200, 0x800, 0x80000  # capabilities
COMPRESSION = 0x20 | 1 << 26  # zlib, zstd: other message heads after the login
OK, MORE, SWITCH, ERROR = 0x00, 0x01, 0xFE, 0xFF
CLEAR_PLUGIN = "mysql_clear_password"
ANSWER_SIZE = 32  # of the client's response, before the name
_ERROR = struct.Struct("<BH")
_U32 = struct.Struct("<I")
# Errors about a login: access denied, without or with a password, and by a plugin; the account is locked or must change
# its password.
DENIED = frozenset((1045, 1698, 1044, 1862, 3118, 4151))


class MysqlServer(Event):
    """A server greets: its version text, and its default plugin."""

    version: str
    plugin: str


class MysqlLogin(PasswordLogin):
    """``method``: the plugin, ``clear`` for cleartext passwords."""


class Mysql(Dissector):
    """The first messages of each side. Greetings of the most frequent versions, MariaDB 11 and 12 among them, are
    recognized on any port.
    """

    interest = Interest(
        tcp=(PORT,), magic=tuple((3, b"\0\n" + version) for version in VERSIONS), stream=True, opening=4
    )

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return MysqlStream()


class MysqlStream(FramedStream):
    """The login and the first statements of a connection. One captured from its middle yields nothing."""

    head = HEAD_SIZE
    resumes = False

    def __init__(self) -> None:
        super().__init__()
        self._greeted = False
        self._user: str | None = None
        self._plugin = self._seal = ""
        self._compressed = False
        self._left = 0  # statements to search, after the login

    def size(self, data: bytes, at: int) -> int:
        size = int.from_bytes(data[at : at + 3], "little")
        if not (size and size <= SIZE_LIMIT) and not self._left:  # statements have any size, the end of a file none
            raise Malformed("message of an invalid size")
        return HEAD_SIZE + size

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if not self._greeted and not self.done:
            start = (self._server.kept + data[: HEAD_SIZE + 1])[3 : HEAD_SIZE + 1]
            self.done = from_client or not any(first.startswith(start) for first in FIRST)
        elif self._user is None and not from_client:
            self.done = True  # the greeted client is not captured: it may have requested TLS
        return super().feed(packet, data, from_client)

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        """The missing bytes may contain the login, or a part of a statement; results are not needed."""
        self.done = from_client or not self._left
        return iter(())

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        body = data[HEAD_SIZE:]
        if not self._greeted:
            return iter(self._greeting(packet, body))
        if self._left:
            return iter(self._statement(packet, body) if from_client else ())
        if from_client:
            self._answer(body)
            return iter(())
        return iter(self._result(packet, body))

    def _greeting(self, packet: Packet, body: bytes) -> list[Parsed]:
        self._greeted = True
        if body[0] != PROTOCOL:  # it rejects the client's address
            self.done = True
            return []
        version, end, rest = body[1:].partition(b"\0")
        if not end:
            raise Malformed("version without an end")
        # thread, proof, filler; capabilities, character set, status, more capabilities, size of the proof; reserved;
        # the rest of the proof; plugin
        self._plugin = clean(rest[44:].partition(b"\0")[0], PLUGIN_LIMIT) if len(rest) > 44 else ""
        text = clean(version, NAME_LIMIT)
        return [MysqlServer(packet, text, self._plugin), *facts(packet, [("mysql.version", text)])]

    def _answer(self, body: bytes) -> None:
        """The client's response to the greeting, or data for a plugin."""
        if self._user is not None:
            if self._plugin == CLEAR_PLUGIN:
                self._seal = seal(self._user, body.removesuffix(b"\0"))
            return
        if len(body) < ANSWER_SIZE:
            self.done = True
            return
        (able,) = _U32.unpack_from(body)
        if not able & NEW_PROTOCOL or (able & TLS and len(body) == ANSWER_SIZE):  # too old, or encrypted from here on
            self.done = True
            return
        self._compressed = bool(able & COMPRESSION)
        name, end, rest = body[ANSWER_SIZE:].partition(b"\0")
        if not end:
            raise Malformed("name without an end")
        self._user = clean(name, NAME_LIMIT)
        self._plugins(able, rest)

    def _statement(self, packet: Packet, body: bytes) -> list[Parsed]:
        """A query, or one to prepare (COM_QUERY, COM_STMT_PREPARE)."""
        if not body or body[0] not in b"\x03\x16":
            return []
        self._left -= 1
        self.done = not self._left
        text = statement_in(body[1:])
        return [ServiceCommand(packet, "mysql", text)] if text else []

    def _plugins(self, able: int, rest: bytes) -> None:
        """Fields after the name: proof, database, and the plugin of the proof."""
        size = rest[0] if rest else 0
        proof, rest = rest[1 : 1 + size], rest[1 + size :]
        if able & WITH_DATABASE:
            rest = rest.partition(b"\0")[2]
        if able & PLUGINS and (plugin := rest.partition(b"\0")[0]):
            self._plugin = clean(plugin, PLUGIN_LIMIT)
        if self._plugin == CLEAR_PLUGIN:
            self._seal = seal(self._user or "", proof.removesuffix(b"\0"))

    def _result(self, packet: Packet, body: bytes) -> list[Parsed]:
        kind = body[0]
        if kind == SWITCH and len(body) > 1:
            self._plugin = clean(body[1:].partition(b"\0")[0], PLUGIN_LIMIT)
            return []
        if kind == MORE:
            return []
        denied = kind == ERROR and len(body) >= _ERROR.size and _ERROR.unpack_from(body)[1] in DENIED
        if self._user is None or kind != OK or self._compressed:
            self.done = True
        else:
            self._left, self.idle = SEARCHED, (False, True)
        if self._user is None or not (denied or kind == OK):
            return []
        method = CLEAR if self._plugin == CLEAR_PLUGIN else self._plugin
        return [MysqlLogin(packet, self._user, method, kind == OK, self._seal)]
