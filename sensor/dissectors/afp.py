"""AFP over DSI over TCP (Apple Filing Protocol Reference, versions 2.1 to 3.4): how a file server of a Mac or a network
storage describes itself, and logins.

Reads the machine type, the names and the versions in the status of a server, and the user, the method and the result of
a login; a cleartext password is stored as a seal. Ignores icons, signatures and addresses. Nothing is read after the
first login or command.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.login_events import CLEAR, NONE, PasswordLogin
from sensor.dissectors.shared.seal import seal
from sensor.dissectors.shared.sender_facts import facts

PORT = 548
HEADER = 16
REQUEST, REPLY = 0, 1
CLOSE, COMMAND, STATUS, OPEN, TICKLE, WRITE, ATTENTION = 1, 2, 3, 4, 5, 6, 8
COMMANDS = frozenset((CLOSE, COMMAND, STATUS, OPEN, TICKLE, WRITE, ATTENTION))
LONGEST = 1 << 28  # of a message: blocks of files are shorter
LOGIN, CONTINUE, LOGIN_EXTENDED = 18, 19, 63
GUEST, CLEARTEXT = "No User Authent", "Cleartxt Passwrd"
PASSWORD_SIZE = 8
OK, AUTH_CONTINUE, NOT_AUTHENTICATED = 0, -5001, -5023
LIST_LIMIT, TEXT_LIMIT = 16, 255
_HEADER = struct.Struct("!BBHiI4x")  # direction, command, request, code of a reply, size


class AfpServer(Event):
    """A server describes itself. ``machine``: ``MacBookPro14,2``, ``Netatalk4.2.3`` …; ``methods``: those of logins."""

    name: str
    machine: str
    versions: tuple[str, ...]
    methods: tuple[str, ...]


class AfpLogin(PasswordLogin):
    """``method``: ``clear``, ``none`` for guests, or the name of the method (DHX2)."""


class Afp(Dissector):
    """Conversations up to their login."""

    interest = Interest(tcp=(PORT,), stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return AfpStream()


class AfpStream(FramedStream):
    """One connection, and the login in progress: user, method, seal."""

    head = HEADER
    resumes = False

    def __init__(self) -> None:
        super().__init__()
        self._login: tuple[str, str, str] | None = None

    def size(self, data: bytes, at: int) -> int:
        direction, command, _, _, size = _HEADER.unpack_from(data, at)
        if direction not in (REQUEST, REPLY) or command not in COMMANDS or size > LONGEST:
            raise Malformed("no DSI header")
        return HEADER + int(size)

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        direction, command, _, code, _ = _HEADER.unpack_from(data)
        if from_client and (direction, command) == (REQUEST, COMMAND):
            self._requested(Reader(data, HEADER))
        elif not from_client and (direction, command) == (REPLY, STATUS) and code == OK:
            return iter(_described(packet, data[HEADER:]))
        elif not from_client and (direction, command) == (REPLY, COMMAND):
            return iter(self._judged(packet, code))
        return iter(())

    def _requested(self, reader: Reader) -> None:
        function = reader.u8()
        if function in (LOGIN, LOGIN_EXTENDED):
            self._login = _credentials(reader, function == LOGIN_EXTENDED)
        else:
            self.done = function != CONTINUE

    def _judged(self, packet: Packet, code: int) -> list[Parsed]:
        """The result of a login; a method may need several rounds."""
        if code == AUTH_CONTINUE or self._login is None:
            return []
        (user, method, sealed), self._login = self._login, None
        self.done = code == OK
        return [AfpLogin(packet, user, method, code == OK, sealed)] if code in (OK, NOT_AUTHENTICATED) else []


def _credentials(reader: Reader, extended: bool) -> tuple[str, str, str]:
    """User, method, seal in FPLogin and FPLoginExt: texts with their length before them."""
    if extended:
        reader.skip(3)  # pad, flags
    _text(reader)  # version
    method = _text(reader)
    if method == GUEST:
        return "", NONE, ""
    if extended:
        reader.skip(1)  # kind of name
        user = clean(reader.take(reader.u16()), TEXT_LIMIT)
    else:
        user = _text(reader)
    if method != CLEARTEXT or extended:
        return user, CLEAR if method == CLEARTEXT else method, ""
    reader.skip(reader.offset % 2)  # the password begins at an even offset
    return user, CLEAR, seal(user, reader.take(PASSWORD_SIZE).rstrip(b"\0"))


def _described(packet: Packet, status: bytes) -> list[Parsed]:
    """FPGetSrvrInfo: four offsets, flags, the name; a list begins with its number of texts."""
    head = Reader(status)
    machine_at, versions_at, methods_at, _, _ = (head.u16() for _ in range(5))
    name, machine = _text(head), _text(Reader(status, machine_at))
    versions, methods = _listed(Reader(status, versions_at)), _listed(Reader(status, methods_at))
    pairs = (("afp.machine", machine), ("afp.device_name", name))
    return [AfpServer(packet, name, machine, versions, methods), *facts(packet, pairs)]


def _listed(reader: Reader) -> tuple[str, ...]:
    return tuple(_text(reader) for _ in range(min(reader.u8(), LIST_LIMIT)))


def _text(reader: Reader) -> str:
    return clean(reader.take(reader.u8()), TEXT_LIMIT)
