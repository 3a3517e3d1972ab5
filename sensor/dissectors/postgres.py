"""PostgreSQL over TCP (its manual, Frontend/Backend Protocol, version 3): logins to a server, their method and result.

Reads the startup message, the authentication method that the server requests, and the result. Of the first statements
after the login, those that run programs are reported. Nothing is read under TLS or GSS encryption. Proofs are never
stored; a cleartext password is stored as a seal.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.service_command import ServiceCommand
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.login_events import CLEAR, PasswordLogin
from sensor.dissectors.shared.seal import seal
from sensor.dissectors.shared.sender_facts import fact
from sensor.dissectors.shared.sql_statements import SEARCHED, statement_in

PORT = 5432
VERSION = 3
TLS, GSS, CANCEL = 80877103, 80877104, 80877102
TLS_REQUEST = b"\0\0\0\x08"  # the size of a request for encryption
START_LIMIT = 10000
SIZE_LIMIT = 1 << 24
NAME_LIMIT, PARAMETERS_LIMIT = 128, 32
SERVER_KINDS = frozenset(b"RESKNZTDCIAG123Hdcfv" + b"nstVW")
CLIENT_KINDS = frozenset(b"pQPBDESCHXFfdc")
LOGGED_IN = 0
METHODS = {2: "kerberos", 3: CLEAR, 5: "md5", 7: "gss", 8: "gss", 9: "sspi", 10: "scram", 11: "scram", 12: "scram"}
# Errors about a login (its manual, appendix A): invalid authorization, invalid password.
DENIED = frozenset((b"28000", b"28P01"))


class PostgresLogin(PasswordLogin):
    """``method``: ``clear``, ``md5``, ``scram``, ``gss``, ``kerberos``, ``sspi``, or ``none`` if the server requested
    none.
    """


class Postgres(Dissector):
    """The first messages of each side. Clients begin with a request for encryption or with their version: both are
    recognized on any port.
    """

    interest = Interest(
        tcp=(PORT,),
        starts=(TLS_REQUEST + TLS.to_bytes(4, "big"), TLS_REQUEST + GSS.to_bytes(4, "big")),
        magic=((4, bytes((0, VERSION, 0, 0))),),
        stream=True,
        opening=4,
    )

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return PostgresStream()


class PostgresStream(FramedStream):
    """The login and the first statements of a connection. One captured from its middle yields nothing."""

    keep = 8192
    resumes = False

    def __init__(self) -> None:
        super().__init__()
        self._user: str | None = None
        self._tls_requested = False  # encryption was requested, and the response is pending
        self._method, self._seal, self._in = "none", "", False
        self._left = 0  # statements to search, after the login

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if self.done or not data:
            return iter(())
        if not from_client and self._tls_requested:
            self._tls_requested = False
            if data[:1] != b"N":  # it accepts encryption, or is another server
                self.done = True
                return iter(())
            data = data[1:]
        elif not from_client and self._user is None:
            self.done = True
            return iter(())
        return super().feed(packet, data, from_client)

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        """The missing bytes may contain the login, or a part of a statement; results are not needed."""
        self.done = from_client or not self._left
        return iter(())

    def size(self, data: bytes, at: int) -> int:
        if self._user is None:
            return self._start_size(data, at)
        if len(data) - at < 5:
            return 0
        size = int.from_bytes(data[at + 1 : at + 5], "big")
        if data[at] in SERVER_KINDS | CLIENT_KINDS and size >= 4 and (size <= SIZE_LIMIT or self._left):
            return 1 + size
        if not self._left:
            raise Malformed("no message")
        self.done = True  # the login was read, and what follows is no statement
        return 0

    def _start_size(self, data: bytes, at: int) -> int:
        """Size of a client's first message; other protocols on the port are ignored."""
        if len(data) - at < 8:
            return 0
        size, version = int.from_bytes(data[at : at + 4], "big"), int.from_bytes(data[at + 4 : at + 8], "big")
        if not 8 <= size <= START_LIMIT or (version >> 16 != VERSION and version not in (TLS, GSS, CANCEL)):
            self.done = True
            return 0
        return size

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if self._user is None:
            self._start(data)
        elif self._left:
            return iter(self._statement(packet, data) if from_client else ())
        elif from_client and data[:1] == b"p" and self._method == CLEAR:
            self._seal = seal(self._user, data[5:].removesuffix(b"\0"))
        elif not from_client:
            return iter(self._answer(packet, data[0], data[5:]))
        return iter(())

    def _statement(self, packet: Packet, data: bytes) -> list[Parsed]:
        """A simple query, or one to prepare."""
        if data[0] not in b"QP":
            return []
        self._left -= 1
        self.done = not self._left
        text = statement_in(data[5:])
        return [ServiceCommand(packet, "postgres", text)] if text else []

    def _start(self, data: bytes) -> None:
        version = int.from_bytes(data[4:8], "big")
        if version in (TLS, GSS):
            self._tls_requested = True
        elif version == CANCEL:
            self.done = True
        else:
            words = data[8:].split(b"\0", 2 * PARAMETERS_LIMIT)
            self._user = clean(dict(zip(words[::2], words[1::2], strict=False)).get(b"user", b""), NAME_LIMIT)

    def _answer(self, packet: Packet, kind: int, body: bytes) -> list[Parsed]:
        if kind == ord("R") and len(body) >= 4:
            code = int.from_bytes(body[:4], "big")
            if code != LOGGED_IN:
                self._method = METHODS.get(code, f"type {code}")
                return []
            self._in = True
            return [PostgresLogin(packet, self._user or "", self._method, True, self._seal)]
        if kind == ord("E") and not self._in:
            self.done = True
            codes = [field[1:] for field in body.split(b"\0", 16) if field[:1] == b"C"]
            if not codes or codes[0] not in DENIED:
                return []
            return [PostgresLogin(packet, self._user or "", self._method, False, self._seal)]
        if kind == ord("S") and self._in:
            name, _, rest = body.partition(b"\0")
            text = clean(rest.partition(b"\0")[0], NAME_LIMIT)
            if name == b"server_version" and text:
                return [fact(packet, "postgres.version", text)]
        if kind == ord("Z") and self._in:
            self._left, self.idle = SEARCHED, (False, True)
        return []
