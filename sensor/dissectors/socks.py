"""SOCKS 4, 4a and 5 over TCP (RFC 1928, RFC 1929, and the vendor's pages for version 4): which server a client asks a
proxy to connect to, and whether the proxy did.

Requests are recognized by content on any port. Ignores logins, whose passwords are not stored, UDP, and what is sent
through the proxy.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.addresses import Address, v4
from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import clean

PORTS = (1080, 9050)
CONNECT, BIND = 1, 2
OPERATIONS = {CONNECT: "connect", BIND: "bind"}
IPV4, NAME, IPV6 = 1, 3, 4
SIZES = {IPV4: 4, IPV6: 16}
METHODS_LIMIT, NAME_LIMIT, USER_LIMIT = 16, 255, 64
KEPT_LIMIT = 768
GRANTED_4, GRANTED_5 = 0x5A, 0
# The address 0.0.0.x in version 4a: a name follows the user.
NAMED = 0x000000FF
REPLY_4 = 8


class SocksRequest(Event):
    """A client asks a proxy for a connection. ``operation``: ``connect`` or ``bind``; ``address``: of the destination,
    0 if ``name`` names it. ``from_client``: the client of the TCP connection sent it; otherwise the connection was
    opened by the proxy (a reverse proxy).
    """

    version: int
    operation: str
    address: Address
    name: str
    port: int
    from_client: bool


class SocksReply(Event):
    """The proxy's answer to the request that it follows. ``from_client``: as in the request."""

    granted: bool
    from_client: bool


class Socks(Dissector):
    """Connections to the usual ports, and others with a request in which the address is at a fixed place."""

    interest = Interest(
        tcp=PORTS,
        starts=(b"\5\1\0\1", b"\5\1\0\3", b"\5\1\0\4", b"\5\2\0\1", b"\5\2\0\2", b"\5\3\0\1"),
        magic=((4, b"\0\0\0\1"),),
        stream=True,
        opening=4,
    )

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return SocksStream()


class SocksStream(Stream):
    """One connection: greeting and request of one side, and the reply of the other."""

    def __init__(self) -> None:
        self._kept = (bytearray(), bytearray())  # of the server, of the client
        self._asks: bool | None = None  # whether the client of the connection sent the request
        self._version = 0

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if self.done:
            return
        kept = self._kept[from_client]
        kept += data[: KEPT_LIMIT - len(kept)]
        if self._asks is None:
            yield from self._requests(packet, bytes(kept), from_client)
        elif from_client != self._asks:
            yield from self._replies(packet, bytes(kept), from_client)

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        self.done = True
        return iter(())

    def _requests(self, packet: Packet, kept: bytes, from_client: bool) -> Iterator[Parsed]:
        """A side whose bytes are no request may still be the proxy, until both are not."""
        found = _request(kept) if kept[:1] == b"\4" else _request_5(kept) or _request_5(kept[_greeting(kept) :])
        if found is None:
            other = self._kept[not from_client]
            self.done = len(kept) >= KEPT_LIMIT or (not _may_begin(kept) and bool(other) and not _may_begin(other))
            return
        self._asks, self._version = from_client, kept[0]
        yield SocksRequest(packet, *found, from_client)

    def _replies(self, packet: Packet, kept: bytes, from_client: bool) -> Iterator[Parsed]:
        at = _choice(kept) if self._version == 5 else 0
        if len(kept) < at + (4 if self._version == 5 else REPLY_4):
            return
        self.done = True
        code, granted = kept[at + 1], GRANTED_5 if self._version == 5 else GRANTED_4
        if kept[at] == (5 if self._version == 5 else 0):
            yield SocksReply(packet, code == granted, not from_client)


def _may_begin(kept: bytes | bytearray) -> bool:
    return bytes(kept[:1]) in (b"", b"\4", b"\5")


def _greeting(kept: bytes) -> int:
    """Size of the methods that a client of version 5 offers, and of its login."""
    size = 2 + kept[1] if len(kept) > 1 else 0
    if not 2 < size <= 2 + METHODS_LIMIT or (len(kept) > size and kept[size : size + 1] not in (b"\1", b"\5")):
        return 0
    if kept[size : size + 1] == b"\1" and len(kept) > size + 1:  # user and password (RFC 1929)
        at = size + 2 + kept[size + 1]
        return at + 1 + kept[at] if len(kept) > at else size
    return size


def _choice(kept: bytes) -> int:
    """Size of the answers to the greeting and to a login, which precede the reply."""
    at = 2 if len(kept) >= 2 and kept[:1] == b"\5" and (len(kept) == 2 or kept[2] in (1, 5)) else 0
    return at + 2 if kept[at : at + 1] == b"\1" else at


def _request_5(data: bytes) -> tuple[int, str, int, str, int] | None:
    """(version, operation, address, name, port) of RFC 1928, 4."""
    if len(data) < 7 or data[0] != 5 or data[1] not in OPERATIONS or data[2]:
        return None
    kind, at = data[3], 4
    size = SIZES.get(kind, 0)
    if kind == NAME:
        size, at = data[4], 5
    port = int.from_bytes(data[at + size : at + size + 2], "big")
    if not size or len(data) != at + size + 2 or not port:
        return None
    raw = data[at : at + size]
    operation = OPERATIONS[data[1]]
    if kind == NAME:
        return (5, operation, 0, clean(raw, NAME_LIMIT), port) if raw.isascii() else None
    address = int.from_bytes(raw, "big")
    return 5, operation, v4(address) if kind == IPV4 else address, "", port


def _request(data: bytes) -> tuple[int, str, int, str, int] | None:
    """The same of version 4: operation, port, address, user, and in 4a the name."""
    if len(data) < 9 or data[0] != 4 or data[1] not in OPERATIONS or data[-1]:
        return None
    port, address = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:8], "big")
    user, _, rest = data[8:].partition(b"\0")
    named = 0 < address <= NAMED
    name = rest[:-1] if named else b""
    if not port or not address or len(user) > USER_LIMIT or bool(rest) != named or not (user + name).isascii():
        return None
    return 4, OPERATIONS[data[1]], 0 if named else v4(address), clean(name, NAME_LIMIT), port
