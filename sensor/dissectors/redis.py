"""Redis and compatible servers over TCP (RESP, versions 2 and 3, as documented by their vendors): logins and their
results.

Reads AUTH and HELLO, alone or among other commands, inline too, and the replies to them; a password is stored as a
seal. Reads commands that configure the server or load code into it. All other commands are only counted, to match
replies to logins; of the first one, whether the server serves a client without a login. Reads the version in replies to
HELLO and INFO. Keys and values are not read.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.login_events import CLEAR, NONE, PasswordLogin, PasswordSent
from sensor.dissectors.shared.seal import seal
from sensor.dissectors.shared.sender_facts import fact

PORT = 6379
ARGUMENTS_LIMIT, ARGUMENT_LIMIT = 64, 4096
KEPT_LIMIT = 8192
PENDING_LIMIT = 256
NAME_LIMIT, TEXT_LIMIT = 128, 512
DEFAULT = "default"  # the user of logins with only a password
FILE_SETTINGS = (b"dir", b"dbfilename")
CHANGES = (b"slaveof", b"replicaof", b"eval", b"system.exec")  # commands that change the server, with their arguments
REFUSED = (b"-WRONGPASS", b"-ERR invalid password")
NEEDLESS = (b"-ERR Client sent AUTH, but no password is set", b"-ERR AUTH <password> called without any password")
# First commands of connections without a login: clients send them once, and a server with logins rejects them.
OPENINGS = (b"HELLO", b"COMMAND", b"CLIENT SETINFO", b"CLIENT SETNAME")
# The program and its version, as bulk strings in a reply to HELLO or as lines in one to INFO.
_HELLO = lazy_pattern(rb"\$[56]\r\n(redis|valkey)\r\n\$7\r\nversion\r\n\$\d{1,2}\r\n(\d[\d.]{2,15})\r\n")
_INFO = lazy_pattern(rb"^(redis|valkey)_version:(\d[\d.]{2,15})\r$", re.MULTILINE)
# First bytes of replies: to successful logins (a line to AUTH, a map or list to HELLO), and of single-line replies.
ACCEPTED, LINES = (b"+", b"%", b"*"), (b"+", b"-", b":")


class _Requested(NamedTuple):
    """A pending login, or with the method ``none`` the first command of a connection without one."""

    user: str
    seal: str
    method: str = CLEAR


class RedisLogin(PasswordLogin):
    """``method``: ``clear``, or ``none`` if the server serves a client without a login."""


class RedisPassword(PasswordSent):
    """A client sent a password, and the capture holds no packet of the server."""


class RedisCommand(Event):
    """A command that changes the server: CONFIG SET of its files (one event for each), MODULE LOAD, replication, EVAL.
    ``text``: with its arguments, the command in lower case.
    """

    text: str


class Redis(Dissector):
    """The first messages of each side, and later ones that may be a login or its failure, as in password guessing on
    one connection.
    """

    interest = Interest(tcp=(PORT,), starts=(b"-WRONGPA", b"-ERR inv"), magic=((8, b"AUTH"),), stream=True, opening=4)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return RedisStream()


class RedisStream(Stream):
    """One connection: pending commands, of which those without a login are None."""

    def __init__(self) -> None:
        self._kept = (bytearray(), bytearray())  # of the server, of the client
        self._pending: deque[_Requested | None] = deque(maxlen=PENDING_LIMIT)
        self._begun = self._named = False

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if self.done:
            return
        kept = self._kept[from_client]
        kept += data
        if from_client:
            yield from self._commands(packet, kept)
        elif self._pending:
            if not self._named and b"version" in data and (program := _program(data)):
                self._named = True
                yield fact(packet, "redis.version", program)
            yield from self._replies(packet, kept)
        else:  # replies to commands that were not captured
            if packet.one_sided:
                yield from (RedisLogin(packet, "", "", False) for line in kept.splitlines() if line.startswith(REFUSED))
            kept.clear()

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        """Replies can no longer be matched to commands."""
        self._pending.clear()
        self._begun = True
        for kept in self._kept:
            kept.clear()
        return iter(())

    def _commands(self, packet: Packet, kept: bytearray) -> Iterator[Parsed]:
        """Parse commands. Parsing ends at invalid data, or a command too long for a login."""
        while kept and not self.done:
            words, size = _command(bytes(kept[:KEPT_LIMIT]))
            if not size and len(kept) < KEPT_LIMIT:
                return
            self.done = size <= 0
            del kept[:size]
            if words:
                login = _login(words)
                if login is None and not self._begun and b" ".join(words[:2]).upper().startswith(OPENINGS):
                    login = _Requested("", "", NONE)
                self._begun = True
                self._pending.append(login)
                if login is not None and login.seal and packet.one_sided:
                    yield RedisPassword(packet, login.user, login.seal)
                yield from (RedisCommand(packet, clean(text, TEXT_LIMIT)) for text in _changes(words))

    def _replies(self, packet: Packet, kept: bytearray) -> Iterator[Parsed]:
        """Match replies to commands in order. A multi-line reply has no login result, except the one to HELLO; what
        follows it is skipped.
        """
        while self._pending:
            line, end, _ = bytes(kept[:KEPT_LIMIT]).partition(b"\r\n")
            if not end:
                if len(kept) < KEPT_LIMIT:
                    return
                line = b""
            requested, kind = self._pending.popleft(), line[:1]
            if requested is not None:
                yield from _result(packet, requested, line)
            if kind not in LINES:
                self._pending.clear()
            del kept[: len(line) + 2]
        kept.clear()


def _result(packet: Packet, requested: _Requested, line: bytes) -> Iterator[Parsed]:
    """The result of a login, or of a first command without one, by the first line of its reply."""
    accepted = line[:1] in ACCEPTED
    if line.startswith(NEEDLESS):
        yield RedisLogin(packet, "", NONE, True)
    elif accepted or (line.startswith(REFUSED) and requested.method == CLEAR):
        yield RedisLogin(packet, requested.user, requested.method, accepted, requested.seal)


def _program(data: bytes) -> str:
    """``valkey 8.1.1``; empty if a reply does not contain it. Valkey also reports the Redis it is compatible with."""
    found = _HELLO.search(data) or max(_INFO.finditer(data), key=lambda one: one[1], default=None)
    return f"{found[1].decode()} {found[2].decode()}" if found else ""


def _command(data: bytes) -> tuple[list[bytes], int]:
    """(words, size); size 0 if it is incomplete, -1 if it is invalid."""
    if data[:1] != b"*":
        line, end, _ = data.partition(b"\n")
        if not data[:1].isalpha():
            return [], -1
        return (line.split(), len(line) + 1) if end else ([], 0)
    count, at = _number(data, 1)
    words: list[bytes] = []
    if at <= 0 or not 0 < count <= ARGUMENTS_LIMIT:
        return [], -1 if at else 0
    for _ in range(count):
        if at >= len(data):
            return [], 0
        size, start = _number(data, at + 1)
        if data[at : at + 1] != b"$" or start < 0 or (start and not 0 <= size <= ARGUMENT_LIMIT):
            return [], -1
        if not start or len(data) < start + size + 2:
            return [], 0
        words.append(data[start : start + size])
        at = start + size + 2
    return words, at


def _number(data: bytes, at: int) -> tuple[int, int]:
    """(number, end of its line); 0 if the line is incomplete, -1 if it has no number."""
    end = data.find(b"\r\n", at, at + 12)
    if end < 0:
        return 0, 0 if len(data) - at < 12 else -1
    raw = data[at:end]
    return (int(raw), end + 2) if raw.isdigit() else (0, -1)


def _changes(words: list[bytes]) -> list[bytes]:
    """The texts of a command that changes the server. Settings may be passwords: only those of files are returned, each
    with its name.
    """
    verb, second = words[0].lower(), words[1].lower() if len(words) > 1 else b""
    if verb == b"config" and second == b"set":
        settings = ((name.lower(), value) for name, value in zip(words[2::2], words[3::2], strict=False))
        return [b"config set %b %b" % setting for setting in settings if setting[0] in FILE_SETTINGS]
    if verb == b"module" and second == b"load":
        return [b" ".join([verb, second, *words[2:]])]
    return [b" ".join([verb, *words[1:]])] if verb in CHANGES else []


def _login(words: list[bytes]) -> _Requested | None:
    """The login in a command: AUTH, or HELLO with one; otherwise None."""
    verb, rest = words[0].upper(), words[1:]
    if verb == b"HELLO":
        place = next((at for at, word in enumerate(rest) if word.upper() == b"AUTH"), len(rest))
        rest = rest[place + 1 : place + 3]
    elif verb != b"AUTH":
        return None
    if not rest or len(rest) > 2:
        return None
    user = clean(rest[0], NAME_LIMIT) if len(rest) > 1 else DEFAULT
    return _Requested(user, seal(user, rest[-1]))
