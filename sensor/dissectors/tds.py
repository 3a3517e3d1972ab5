"""Tabular data stream ([MS-TDS]) of SQL Server and compatible servers: server identity, logins and their result.

Reads the versions and the encryption negotiation that come first, cleartext logins, NTLM inside them, and the result.
Usually only the login is encrypted; then the user is known if the server names it in its refusal. If everything is
encrypted nothing more is read, nor is anything after the login. A password is obfuscated by a fixed pattern only,
equivalent to cleartext; it is stored as a seal.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared import ntlm
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.login_events import CLEAR, PasswordLogin
from sensor.dissectors.shared.ntlm_events import ntlm_events
from sensor.dissectors.shared.seal import seal
from sensor.dissectors.shared.sender_facts import fact, facts

PORT = 1433
HEAD_SIZE = 8
RESPONSE, LOGIN, SSPI, PRELOGIN = 0x04, 0x10, 0x11, 0x12
TLS_RECORDS = range(0x14, 0x18)
VERSION, ENCRYPTION, END = 0, 1, 0xFF  # options of the first message
# The first entry of the table of four to eight options: the version, and its place behind the table and an octet.
FIRST_OPTIONS = tuple(bytes((VERSION, 0, 5 * number + 1, 0)) for number in range(4, 9))
ENCRYPTIONS = {0: "login", 1: "all", 2: "none", 3: "all"}
LOGIN_SIZES = range(94, 1 << 17)  # from the fixed part of a login to its limit ([MS-TDS] 2.2.6.4)
OPTIONS_LIMIT, TOKENS_LIMIT = 16, 32
NAME_LIMIT, PASSWORD_LIMIT = 128, 128
INFO, ERROR, ACCEPTED, CHANGE, NTLM = 0xAB, 0xAA, 0xAD, 0xE3, 0xED
# Errors about a login: failed, from an untrusted domain, disabled, locked, expired, must be changed.
DENIED = frozenset((18456, 18452, 18470, 18486, 18487, 18488))
PATTERN = 0xA5
_HEAD = struct.Struct("!BBH")
_OPTION = struct.Struct("!BHH")
_SERVER = struct.Struct("!BBH")
_FIELD = struct.Struct("<HH")
_ERROR = struct.Struct("<IBBH")
_NAMED = lazy_pattern(r"[\"'«„“‘]([^\"'»“”’]{1,128})[\"'»“”’]")
# Each byte of a password: its nibbles are swapped, then it is combined with the pattern.
_CLEAR = bytes(((byte ^ PATTERN) >> 4 | ((byte ^ PATTERN) << 4 & 0xF0)) for byte in range(256))


class TdsServer(Event):
    """A server's response: its version (``15.0.2000``), and the extent of encryption: ``none``, ``login``
    or ``all``.
    """

    version: str
    encryption: str


class TdsLogin(PasswordLogin):
    """``method``: ``clear``, ``ntlm``, or ``encrypted``."""


class Tds(Dissector):
    """The first messages of each side. Named instances listen on any port: the first message of a client is recognized
    by its first option.
    """

    interest = Interest(
        tcp=(PORT,), magic=tuple((HEAD_SIZE, option) for option in FIRST_OPTIONS), stream=True, opening=4
    )

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return TdsStream()


class TdsStream(FramedStream):
    """One connection until its login ends."""

    head = HEAD_SIZE
    resumes = False

    def __init__(self) -> None:
        super().__init__()
        self._begun = self._greeted = False
        self._user, self._method, self._seal = "", "encrypted", ""

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        """The missing bytes may contain the login."""
        self.done = True
        return iter(())

    def size(self, data: bytes, at: int) -> int:
        kind, _, size = _HEAD.unpack_from(data, at)
        if kind in TLS_RECORDS and data[at + 1] == 3:
            return 5 + int.from_bytes(data[at + 3 : at + 5], "big")
        if kind not in (RESPONSE, LOGIN, SSPI, PRELOGIN) or size < HEAD_SIZE:
            if self._begun:
                raise Malformed("no message")
            self.done = True  # another protocol, or a connection captured from its middle
            return 0
        return int(size)

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        kind, body = data[0], data[HEAD_SIZE:]
        if not self._begun and from_client and not _begins(kind, body):
            self.done = True
            return iter(())
        self._begun = True
        try:
            if kind == LOGIN and from_client:
                return iter(self._login(packet, body))
            if kind == SSPI and from_client:
                return iter(self._ntlm(packet, body))
            if kind == RESPONSE and not from_client:
                return iter(self._result(packet, body) if self._greeted else self._greeting(packet, body))
        except struct.error:
            raise Malformed("message ends early") from None
        return iter(())

    def _greeting(self, packet: Packet, body: bytes) -> list[Parsed]:
        """The response to the client's offer ([MS-TDS] 2.2.6.5)."""
        self._greeted = True
        if body[:1] != bytes((VERSION,)):  # the version always comes first
            return self._result(packet, body)
        found: dict[int, bytes] = {}
        for number in range(OPTIONS_LIMIT):
            at = _OPTION.size * number
            if at >= len(body) or body[at] == END:
                break
            option, start, size = _OPTION.unpack_from(body, at)
            found[option] = body[start : start + size]
        encryption = ENCRYPTIONS.get((found.get(ENCRYPTION) or b"\2")[0], "all")
        self.done = encryption == "all"
        version = ".".join(map(str, _SERVER.unpack_from(found.get(VERSION, b""))))
        return [TdsServer(packet, version, encryption), fact(packet, "tds.version", version)]

    def _login(self, packet: Packet, body: bytes) -> list[Parsed]:
        """Names and the password, at the offsets and sizes in characters of [MS-TDS] 2.2.6.4."""
        self._greeted = True
        user, password = (self._part(body, at) for at in (40, 44))
        self._user = clean(user.decode("utf-16-le", "replace"), NAME_LIMIT)
        if self._user:
            text = password.translate(_CLEAR).decode("utf-16-le", "replace")
            self._method, self._seal = CLEAR, seal(self._user, text.encode("utf-8", "replace"))
            return []
        return self._ntlm(packet, body)

    def _part(self, body: bytes, at: int) -> bytes:
        start, size = _FIELD.unpack_from(body, at)
        return body[start : start + 2 * min(size, PASSWORD_LIMIT)]

    def _ntlm(self, packet: Packet, body: bytes) -> list[Parsed]:
        message = ntlm.find(body, partial=True)
        if message is None:
            return []
        self._method = "ntlm"
        if isinstance(message, ntlm.Login):
            self._user = message.user
        return [*ntlm_events(packet, "tds", message), *facts(packet, message.facts())]

    def _result(self, packet: Packet, body: bytes) -> list[Parsed]:
        """The server's result of the login: the first token about it ([MS-TDS] 2.2.7)."""
        at = 0
        for _ in range(TOKENS_LIMIT):
            if at + 3 > len(body) or body[at] not in (INFO, ERROR, ACCEPTED, CHANGE, NTLM):
                break
            token, size = body[at], int.from_bytes(body[at + 1 : at + 3], "little")
            content = body[at + 3 : at + 3 + size]
            if token == NTLM:
                return self._ntlm(packet, content)
            if token == ACCEPTED:
                return self._ended(packet, self._user, accepted=True)
            if token == ERROR and _ERROR.unpack_from(content)[0] in DENIED:
                return self._ended(packet, self._user or _user(content), accepted=False)
            at += 3 + size
        self.done = True
        return []

    def _ended(self, packet: Packet, user: str, *, accepted: bool) -> list[Parsed]:
        self.done = True
        return [TdsLogin(packet, user, self._method, accepted, self._seal)]


def _begins(kind: int, body: bytes) -> bool:
    """Whether a client begins with this: options, of which the version is the first, or a login with its size."""
    if kind == PRELOGIN:
        return body[:1] == bytes((VERSION,))
    return kind == LOGIN and int.from_bytes(body[:4], "little") in LOGIN_SIZES


def _user(content: bytes) -> str:
    """The user in an error message: the first word in quotes, in any language of the server."""
    size = _ERROR.unpack_from(content)[3]
    found = _NAMED.search(content[_ERROR.size : _ERROR.size + 2 * size].decode("utf-16-le", "replace"))
    return clean(found[1], NAME_LIMIT) if found else ""
