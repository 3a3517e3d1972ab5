"""Remote framebuffer (RFC 6143; security types as registered with IANA): required authentication, its result, and the
name of the desktop.

Reads versions, the chosen security type and its result. Sessions without a password, and with the classic one (DES
challenge-response), are read completely; of other types only the choice, since what follows is encrypted. A server that
closes the connection in place of a result (some do before version 3.8) refused the password. The picture itself is not
read; the name of the desktop is available in the server's first four messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.login_events import PasswordLogin
from sensor.dissectors.shared.sender_facts import facts

PORTS = (5900, 5901)
VERSION_SIZE = 12
CHALLENGE_SIZE = 16
INIT_SIZE = 24  # of the server's description of its desktop, before the name
NAME_LIMIT = 255
KEPT_LIMIT = 4096
FAILED, NONE, CLASSIC = 0, 1, 2
METHODS = {
    NONE: "none",
    CLASSIC: "vnc",
    5: "ra2",
    6: "ra2ne",
    16: "tight",
    17: "ultra",
    18: "tls",
    19: "vencrypt",
    20: "sasl",
    30: "apple",
    35: "apple",
}
# Before version 3.7 the server alone chooses; before 3.8 it sends no result if no password is required.
LISTS, SECURITY_RESULT = (3, 7), (3, 8)
_VERSION = lazy_pattern(rb"RFB (\d{3})\.(\d{3})\n")


class VncBanner(Event):
    """A server's version: ``3.8``."""

    version: str


class VncSecurity(Event):
    """The security type was chosen: ``method`` of those ``offered``."""

    method: str
    offered: tuple[str, ...]


class VncLogin(PasswordLogin):
    """``method``: ``none`` or ``vnc``; there are no users."""


class VncDesktop(Event):
    """The server describes its desktop: the login is complete."""

    name: str
    width: int
    height: int


class Vnc(Dissector):
    """The first messages of connections that begin with a version, on any port."""

    interest = Interest(tcp=PORTS, starts=(b"RFB 003.", b"RFB 004.", b"RFB 005."), stream=True, opening=4)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return VncStream()


class VncStream(Stream):
    """One connection: one step at a time, each waiting for bytes of one side."""

    def __init__(self) -> None:
        self._kept = (bytearray(), bytearray())  # of the server, of the client
        # A function instead of a bound method, which would create a reference cycle.
        self._step: Callable[[VncStream, Packet], list[Parsed] | None] = VncStream._server_version
        self._version = (0, 0)
        self._types = b""
        self._answer: Packet | None = None  # the server's last segment

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if not from_client:
            self._answer = packet
        kept = self._kept[from_client]
        kept += data[: KEPT_LIMIT - len(kept)]
        while not self.done and (parsed := self._step(self, packet)) is not None:
            yield from parsed

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        """Stop: message boundaries cannot be found after a gap."""
        self.done = True
        return iter(())

    def finish(self) -> Iterator[Parsed]:
        if not self.done and self._step is VncStream._password_result and self._answer is not None:
            yield VncLogin(self._answer, "", _method(CLASSIC), False)

    def _take(self, size: int, *, client: bool = False) -> bytes | None:
        """``size`` bytes of one side; None if they are not available yet."""
        kept = self._kept[client]
        if len(kept) < size:
            return None
        raw = bytes(kept[:size])
        del kept[:size]
        return raw

    def _end(self, *parsed: Parsed) -> list[Parsed]:
        self.done = True
        return list(parsed)

    def _server_version(self, packet: Packet) -> list[Parsed] | None:
        # In other protocols the client begins; so may connections captured from their middle.
        if self._kept[1] and not self._kept[0]:
            return self._end()
        raw = self._take(VERSION_SIZE)
        if raw is None:
            return None
        found = _VERSION.fullmatch(raw)
        if found is None:
            return self._end()
        self._step = VncStream._client_version
        return [VncBanner(packet, f"{int(found[1])}.{int(found[2])}")]

    def _client_version(self, packet: Packet) -> list[Parsed] | None:
        raw = self._take(VERSION_SIZE, client=True)
        if raw is None:
            return None
        found = _VERSION.fullmatch(raw)
        if found is None:
            raise Malformed("no version")
        self._version = int(found[1]), int(found[2])
        self._step = VncStream._offer if self._version >= LISTS else VncStream._order
        return []

    def _order(self, packet: Packet) -> list[Parsed] | None:
        """Version 3.3: the server chooses the security type."""
        raw = self._take(4)
        return None if raw is None else self._chosen(packet, int.from_bytes(raw, "big"), raw[3:])

    def _offer(self, packet: Packet) -> list[Parsed] | None:
        kept = self._kept[0]
        if not kept or len(kept) <= kept[0]:
            return None
        self._types = bytes(kept[1 : 1 + kept[0]])
        del kept[: 1 + len(self._types)]
        self._step = VncStream._choice
        return [] if self._types else self._end()  # empty: it refuses, with a reason

    def _choice(self, packet: Packet) -> list[Parsed] | None:
        raw = self._take(1, client=True)
        return None if raw is None else self._chosen(packet, raw[0], self._types)

    def _chosen(self, packet: Packet, kind: int, offered: bytes) -> list[Parsed]:
        if kind == FAILED:
            return self._end()
        event = VncSecurity(packet, _method(kind), tuple(dict.fromkeys(_method(each) for each in offered)))
        if kind == CLASSIC:
            self._step = VncStream._challenge
        elif kind == NONE and self._version < SECURITY_RESULT:
            self._step = VncStream._desktop
            return [event, VncLogin(packet, "", _method(NONE), True)]
        elif kind == NONE:
            self._step = VncStream._open_result
        else:
            self.done = True
        return [event]

    def _challenge(self, packet: Packet) -> list[Parsed] | None:
        if len(self._kept[1]) < CHALLENGE_SIZE or self._take(CHALLENGE_SIZE) is None:
            return None
        self._take(CHALLENGE_SIZE, client=True)
        self._step = VncStream._password_result
        return []

    def _open_result(self, packet: Packet) -> list[Parsed] | None:
        return self._result(packet, NONE)

    def _password_result(self, packet: Packet) -> list[Parsed] | None:
        return self._result(packet, CLASSIC)

    def _result(self, packet: Packet, kind: int) -> list[Parsed] | None:
        """0 is success (RFC 6143, 7.1.3)."""
        raw = self._take(4)
        if raw is None:
            return None
        event = VncLogin(packet, "", _method(kind), not any(raw))
        if not event.accepted:
            return self._end(event)
        self._step = VncStream._desktop
        return [event]

    def _desktop(self, packet: Packet) -> list[Parsed] | None:
        """Size and name, which follow the client's choice of shared or exclusive access."""
        kept = self._kept[0]
        if len(kept) < INIT_SIZE or len(kept) < INIT_SIZE + min(int.from_bytes(kept[20:INIT_SIZE], "big"), NAME_LIMIT):
            return None
        size = int.from_bytes(kept[20:INIT_SIZE], "big")
        name = clean(bytes(kept[INIT_SIZE : INIT_SIZE + min(size, NAME_LIMIT)]), NAME_LIMIT)
        event = VncDesktop(packet, name, int.from_bytes(kept[:2], "big"), int.from_bytes(kept[2:4], "big"))
        return self._end(event, *facts(packet, [("vnc.desktop", name)]))


def _method(kind: int) -> str:
    return METHODS.get(kind) or f"type {kind}"
