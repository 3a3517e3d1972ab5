"""One connection with the client protocol of NATS (https://docs.nats.io/reference/reference-protocols/nats-protocol):
publishing with headers, and responses. It is small enough to be implemented here; the usual client would send its
password without TLS to a server that offers none.

Ignored: announcements of other servers, subscriptions of other clients, compression.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from sensor.core.output import Retry
from sensor.core.reader import clean
from sensor.outputs.transport.connect import reach, reason_of, resolve, secure
from sensor.outputs.transport.nats_login import Login
from sensor.outputs.transport.tls import Tls

LINE_LIMIT = 64 * 1024
ANSWER_LIMIT = 1024 * 1024
REASON_LIMIT = 200
READ = 256 * 1024
_END = b"\r\n"
# Number of a message on a subscribed subject, which is not a response.
UNASKED = -1
Server = TypeVar("Server")


class NoResponse(Retry):
    """No response within the time; the connection remains usable."""


class NoResponders(Retry):
    """No client of the server subscribes to the subject of a request."""


class Info(msgspec.Struct):
    """Relevant fields of a server's INFO."""

    max_payload: int = 1024 * 1024
    headers: bool = False
    jetstream: bool = False
    tls_required: bool = False
    tls_available: bool = False
    nonce: str = ""
    version: str = ""


class Answer(NamedTuple):
    """``number``: of the message that it responds to, or UNASKED; ``status``: 0, or that of a response from the server
    itself (503: no responders).
    """

    number: int
    status: int
    body: bytes


class NatsServer(NamedTuple):
    """A server. ``tls_first``: it waits for the handshake before it sends INFO."""

    host: str
    port: int
    tls: Tls | None
    tls_first: bool = False


class Wire:
    """An open connection. Any failure raises Retry, after which it can only be closed.

    ``received_at``: when the server last sent data, seconds of the monotonic clock. Servers ping every two minutes.
    """

    def __init__(self, place: NatsServer, login: Login, inbox: str, timeout_s: float) -> None:
        """Connects and logs in."""
        self._timeout_s = timeout_s
        self._inbox = f"{inbox}.{secrets.token_hex(11)}".encode()
        self._read, self._at, self._number = b"", 0, 0
        self.received_at = time.monotonic()
        self._end = self.received_at + timeout_s
        self._socket, self.info = greeted(place, timeout_s)
        try:
            self._log_in(place.host, login)
        except BaseException:
            self.close()
            raise

    def publish(self, messages: Sequence[tuple[bytes, bytes, bytes]]) -> range:
        """Send messages: subject, header lines and payload. Returns their numbers, to which responses refer."""
        numbers = range(self._number, self._number + len(messages))
        self._number = numbers.stop
        parts = []
        for number, (subject, headers, payload) in zip(numbers, messages, strict=True):
            size = len(headers) + 12
            parts.append(
                b"HPUB %b %b.%d %d %d\r\nNATS/1.0\r\n%b\r\n%b\r\n"
                % (subject, self._inbox, number, size, size + len(payload), headers, payload),
            )
        self._write(b"".join(parts))
        return numbers

    def request(self, subject: str, body: Mapping[str, Any] | bytes | None = None) -> bytes:
        """The response to one request. ``body``: an object for JSON, or bytes. Raises Retry if there is none."""
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body) if body else b""
        (number,) = self.publish([(subject.encode(), b"", raw)])
        while True:
            answer = self.answer()
            if answer.number == number:
                if answer.status:
                    raise NoResponders(
                        f"no answer to {subject}: JetStream is not enabled there, or not for this account"
                    )
                return answer.body

    def subscribe(self, subject: str) -> None:
        """Subscribe to a subject; its messages arrive among the responses."""
        self._write(b"SUB %b 2\r\n" % subject.encode())

    def answer(self, within_s: float | None = None) -> Answer:
        """The next response to any message. Raises NoResponse if there is none within the timeout or ``within_s``."""
        self._end = time.monotonic() + (self._timeout_s if within_s is None else within_s)
        while True:
            line = self._line()
            verb, _, rest = line.partition(b" ")
            if verb in (b"MSG", b"HMSG"):
                return self._answer(rest.split(), headed=verb == b"HMSG")
            self._received(verb, rest)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()

    def _log_in(self, host: str, login: Login) -> None:
        if not self.info.headers:
            raise Retry(f"{host} does not support headers: NATS 2.2 or later is needed")
        options = {
            "verbose": False,
            "pedantic": False,
            "lang": "python",
            "name": "sensor",
            "protocol": 1,
            "headers": True,
            "no_responders": True,
            "echo": False,
        }
        options["version"] = "1"
        self._write(
            b"CONNECT %b\r\nSUB %b.* 1\r\nPING\r\n"
            % (msgspec.json.encode(options | login.answer(self.info.nonce)), self._inbox)
        )
        while (line := self._line()) != b"PONG":
            verb, _, rest = line.partition(b" ")
            self._received(verb, rest)

    def _received(self, verb: bytes, rest: bytes) -> None:
        """Handle protocol messages between responses."""
        if verb == b"PING":
            self._write(b"PONG\r\n")
        elif verb == b"-ERR":
            raise Retry(f"NATS: {clean(rest, REASON_LIMIT).strip(chr(39))}")
        elif verb not in (b"INFO", b"+OK", b"PONG"):
            raise Retry(f"not a NATS server, or an unsupported one: {clean(verb + b' ' + rest, REASON_LIMIT)}")

    def _answer(self, parts: list[bytes], *, headed: bool) -> Answer:
        try:
            inbox, _, last = parts[0].rpartition(b".")
            number = int(last) if inbox == self._inbox else UNASKED
            begin, size = (int(parts[-2]) if headed else 0), int(parts[-1])
        except (ValueError, IndexError):
            raise Retry("the server sent an invalid answer") from None
        if not 0 <= begin <= size <= ANSWER_LIMIT:
            raise Retry(f"an answer of the server is too long: {size} bytes")
        whole = self._take(size + 2)
        status = whole[:begin].partition(_END)[0].split()[1:2]
        return Answer(number, int(status[0]) if status and status[0].isdigit() else 0, whole[begin:size])

    def _line(self) -> bytes:
        """The next line without its end."""
        while (end := self._read.find(_END, self._at)) < 0:
            if len(self._read) - self._at > LINE_LIMIT:
                raise Retry("a line of the server is too long: it is not a NATS server")
            self._more()
        line, self._at = self._read[self._at : end], end + 2
        return line

    def _take(self, size: int) -> bytes:
        while len(self._read) - self._at < size:
            self._more()
        taken, self._at = self._read[self._at : self._at + size], self._at + size
        return taken

    def _more(self) -> None:
        try:
            # Zero would set the socket to non-blocking, which fails with another error.
            self._socket.settimeout(max(0.001, self._end - time.monotonic()))
            found = self._socket.recv(READ)
        except TimeoutError:
            raise NoResponse(f"NATS gave no answer within {self._timeout_s:g} s") from None
        except OSError as error:
            raise Retry(f"connection to NATS lost: {reason_of(error)}") from None
        if not found:
            raise Retry("NATS closed the connection")
        self.received_at = time.monotonic()
        self._read, self._at = self._read[self._at :] + found, 0

    def _write(self, data: bytes) -> None:
        try:
            self._socket.settimeout(self._timeout_s)
            self._socket.sendall(data)
        except OSError as error:
            raise self._disconnected(error) from None

    def _disconnected(self, error: OSError) -> Retry:
        """Why the server disconnected, if it gave a reason."""
        self._end = time.monotonic() + 1
        with contextlib.suppress(OSError):
            self._socket.settimeout(1)
            while not isinstance(error, TimeoutError) and (found := self._socket.recv(READ)):
                text = found.partition(b"-ERR ")[2].partition(_END)[0]
                if text:
                    return Retry(f"NATS: {clean(text, REASON_LIMIT).strip(chr(39))}")
        return Retry(f"connection to NATS lost: {reason_of(error)}")


def greeted(place: NatsServer, timeout_s: float) -> tuple[socket.socket, Info]:
    """A connection after INFO, and after the TLS handshake if requested. Raises Retry if one side requires TLS and the
    other does not support it.
    """
    if place.tls is not None and place.tls_first:
        made: socket.socket = secure(lambda: reached(place, timeout_s), place.host, place.tls, timeout_s)
        return made, _info(made, place.host)
    seen: list[Info] = []

    def plain() -> socket.socket:
        connection, info = introduced(place, timeout_s)
        seen.append(info)
        return connection

    made = plain() if place.tls is None else secure(plain, place.host, place.tls, timeout_s)
    if place.tls is None and seen[-1].tls_required:
        made.close()
        raise Retry(f"{place.host} requires TLS: set the URL tls://{place.host}:{place.port}")
    return made, seen[-1]


def introduced(place: NatsServer, timeout_s: float) -> tuple[socket.socket, Info]:
    """A connection without TLS after INFO; the server supports TLS if we require it."""
    made = reached(place, timeout_s)
    info = _info(made, place.host)
    if place.tls is not None and not (info.tls_required or info.tls_available):
        made.close()
        raise Retry(
            f"{place.host} does not offer TLS: set the URL nats://{place.host}:{place.port}, or enable TLS on it"
        )
    return made, info


def reached(place: NatsServer, timeout_s: float) -> socket.socket:
    made = reach(resolve(place.host, place.port), place.host, place.port, timeout_s)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _info(connection: socket.socket, host: str) -> Info:
    """The first message of the server; closes the connection if it is not a NATS server. The server sends nothing else
    before CONNECT, except a reason to disconnect.
    """
    try:
        return _parsed(_greeting(connection), host)
    except TimeoutError:
        connection.close()
        raise Retry(
            f"{host} accepted the connection and sent nothing: it is not a NATS server, hangs, or begins "
            "with TLS (tls_first)"
        ) from None
    except OSError as error:
        connection.close()
        raise Retry(f"{host} closed the connection immediately: {reason_of(error)}") from None
    except Retry:
        connection.close()
        raise


def _greeting(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n") and len(line) < LINE_LIMIT and (found := connection.recv(READ)):
        line += found
    return line


def _parsed(greeting: bytes, host: str) -> Info:
    line, _, more = greeting.partition(_END)
    verb, _, body = line.partition(b" ")
    try:
        info = msgspec.json.decode(body, type=Info) if verb == b"INFO" else None
    except msgspec.MsgspecError:
        info = None
    if info is None:
        raise Retry(
            f"{host} does not answer like a NATS server: {clean(line, REASON_LIMIT) or 'it closed the connection'}"
        )
    if more:
        raise Retry(f"NATS: {clean(more, REASON_LIMIT).removeprefix('-ERR ').strip(chr(39))}")
    return info


def first_of(servers: list[Server], connect: Callable[[Server], Wire]) -> Wire:
    """Connect to the first server that accepts us, and move it to the front of ``servers``. Raises Retry if
    none does.
    """
    failed = Retry("no server is configured")
    for _ in range(len(servers)):
        try:
            return connect(servers[0])
        except Retry as error:
            failed = error
            servers.append(servers.pop(0))
    raise failed
