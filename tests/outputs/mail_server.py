"""A scripted mail server: it stores mails, requires a login, supports TLS, and rejects what the script lists."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
from typing import NamedTuple

from tests.outputs.authority import Pair

CLOSE = b""
Script = dict[str, list[bytes]]


class Mail(NamedTuple):
    sender: str
    recipients: tuple[str, ...]
    body: bytes


class MailServer:
    """Handler for ``listener``. ``script``: answers by command (``.`` ends a mail) that precede the usual ones;
    ``CLOSE`` closes the connection.

    ``pair``: the server offers STARTTLS, or starts with TLS where ``implicit``; ``login``: required user and password.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        pair: Pair | None = None,
        implicit: bool = False,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.script = {verb: list(answers) for verb, answers in (script or {}).items()}
        self.pair, self.implicit, self.login = pair, implicit, login
        self.mails: list[Mail] = []
        self.received: list[str] = []
        self.stalled = threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            if self.implicit:
                connection = held.enter_context(self._secured(connection))
            session = _Session(self, connection)
            session.send(self.next("", b"220 mail.example ESMTP"))
            while session.once():
                if session.starts_tls:
                    session = _Session(self, held.enter_context(self._secured(connection)), encrypted=True)

    def next(self, verb: str, usual: bytes) -> bytes:
        """The answer to a command."""
        return self.script[verb].pop(0) if self.script.get(verb) else usual

    def _secured(self, connection: socket.socket) -> ssl.SSLSocket:
        assert self.pair is not None
        return self.pair.context().wrap_socket(connection, server_side=True)


class _Session:
    def __init__(self, server: MailServer, connection: socket.socket, *, encrypted: bool = False) -> None:
        self.server, self.connection, self.encrypted = server, connection, encrypted or server.implicit
        self.sender, self.recipients, self.logged_in, self.starts_tls = "", list[str](), server.login is None, False

    def send(self, answer: bytes) -> bool:
        if answer:
            self.connection.sendall(answer + b"\r\n")
        return bool(answer)

    def once(self) -> bool:
        """One command; False where the session ends."""
        line = self._line()
        if line is None:
            return False
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        self.server.received.append(line)
        answer = self.server.next(verb, self._usual(verb, rest))
        if answer.startswith(b"250") and verb == "MAIL":
            self.sender, self.recipients = rest.partition("<")[2].partition(">")[0], []
        if answer.startswith(b"250") and verb == "RCPT":
            self.recipients.append(rest.partition("<")[2].partition(">")[0])
        if not self.send(answer):
            return False
        self.starts_tls = verb == "STARTTLS" and answer.startswith(b"220")
        return self._data() if answer.startswith(b"354") else verb != "QUIT"

    def _usual(self, verb: str, rest: str) -> bytes:
        if verb == "EHLO":
            offered = [b"STARTTLS"] * (self.server.pair is not None and not self.encrypted) + [b"AUTH PLAIN LOGIN"] * (
                self.server.login is not None
            )
            return (
                b"\r\n".join([b"250-" + each for each in (b"mail.example", b"SIZE 1000000", *offered)])
                + b"\r\n250 8BITMIME"
            )
        if verb == "AUTH":
            reported = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")[1:]
            self.logged_in = tuple(reported) == self.server.login
            return b"235 2.7.0 welcome" if self.logged_in else b"535 5.7.8 no such user or password"
        if verb == "MAIL" and not self.logged_in:
            return b"530 5.7.0 log in first"
        return {"DATA": b"354 go ahead", "QUIT": b"221 bye", "STARTTLS": b"220 go ahead"}.get(verb, b"250 2.0.0 fine")

    def _data(self) -> bool:
        lines = []
        while (line := self._line()) != ".":
            if line is None:
                return False
            lines.append(line.removeprefix("."))
        answer = self.server.next(".", b"250 2.0.0 taken")
        if not answer or answer.startswith(b"250"):
            self.server.mails.append(Mail(self.sender, tuple(self.recipients), "\r\n".join(lines).encode()))
        return self.send(answer)

    def _line(self) -> str | None:
        """The next line, byte by byte: the bytes after it may be TLS."""
        line = bytearray()
        while not line.endswith(b"\r\n"):
            if not (byte := self.connection.recv(1)):
                return None
            line += byte
        return line[:-2].decode()
