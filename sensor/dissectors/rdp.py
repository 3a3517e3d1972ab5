"""Remote desktop connections ([MS-RDPBCGR] 2.2.1) over TCP: login requests, the negotiated security, and the client's
name.

Reads the request with its cookie, the server's response and, if no TLS follows, the names in the client's settings. The
login itself is encrypted; repeated attempts are detected by the shape of sessions. Other protocols use the same
envelope (RFC 1006): without a cookie or a security request they are ignored.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import facts

PORT = 3389
ENVELOPE, VERSION = 4, 3
HEAD_SIZE = 11  # of a request or response, with its envelope (RFC 905, 13.3)
REQUEST, CONFIRM, DATA = 0xE0, 0xD0, 0xF0
SIZE_LIMIT = 16384
NAME_LIMIT = 128
NEGOTIATION, AGREED, REFUSED = 1, 2, 3
RESTRICTED_ADMIN = 1  # flag of a request ([MS-RDPBCGR] 2.2.1.1.1)
# Bits of a request, and the value of a response; 0 is standard RDP security.
SECURED = {1: "tls", 2: "nla", 4: "rdstls", 8: "nla", 16: "aad"}
CORE, NETWORK = b"\x01\xc0", b"\x03\xc0"  # kinds of blocks
CONFERENCE = b"Duca"  # before the client's settings
# Beginnings of requests with a security request, after a cookie of up to nine characters.
REQUESTS = tuple(bytes((VERSION, 0, 0, size, size - ENVELOPE - 1, REQUEST, 0, 0)) for size in (19, *range(39, 48)))
_COOKIE = lazy_pattern(rb"Cookie: mstshash=([^\r\n]{1,128})\r?\n")
_NEGOTIATION = struct.Struct("<BBHI")
_CHANNEL = struct.Struct("<8sI")
BLOCK_HEAD = 4  # kind and size of a block
CHANNELS_LIMIT = 31  # [MS-RDPBCGR] 2.2.1.3.4
_CORE = struct.Struct("<IHH4xII32s")


class RdpRequest(Event):
    """A connection request. ``user``: from the cookie, truncated to nine characters; ``security``: supported protocols:
    ``tls``, ``nla``, empty for standard RDP security; ``restricted``: the client requires restricted administration,
    in which the server gets no password.
    """

    user: str
    security: tuple[str, ...]
    restricted: bool = False


class RdpNegotiated(Event):
    """The server's choice: ``rdp`` (standard RDP security), ``tls``, ``nla`` …; empty if it failed with the code
    ``refusal``.
    """

    security: str
    refusal: int


class RdpClient(Event):
    """A client's settings: its name, the build of its program, the size of its screen."""

    name: str
    build: int
    width: int
    height: int


class RdpChannels(Event):
    """The virtual channels that a client requests, without TLS, such as clipboard, drives and sound."""

    names: tuple[str, ...]


class Rdp(Dissector):
    """The first two messages of each side. Requests of current clients are recognized on any port."""

    interest = Interest(tcp=(PORT,), starts=REQUESTS, stream=True, opening=2)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return RdpStream()


class RdpStream(FramedStream):
    """One connection until it is encrypted, or the client's name is known."""

    head = ENVELOPE
    resumes = False

    def __init__(self) -> None:
        super().__init__()
        self._requested = False

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        """Only the beginning is needed."""
        self.done = True
        return iter(())

    def size(self, data: bytes, at: int) -> int:
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at] != VERSION or not HEAD_SIZE - ENVELOPE <= size <= SIZE_LIMIT:
            self.done = True  # another protocol, or a connection captured from its middle
            return 0
        return size

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        kind = data[ENVELOPE + 1] & 0xF0
        if from_client and kind == REQUEST and len(data) >= HEAD_SIZE:
            return iter(self._request(packet, data[HEAD_SIZE:]))
        if not self._requested:
            self.done = True
        elif not from_client and kind == CONFIRM:
            return iter(self._answer(packet, data[HEAD_SIZE:]))
        elif from_client and kind == DATA:
            return iter(self._settings(packet, data))
        return iter(())

    def _request(self, packet: Packet, rest: bytes) -> list[Parsed]:
        cookie = _COOKIE.match(rest)
        request = rest[-_NEGOTIATION.size :]
        security: tuple[str, ...] = ()
        negotiates = len(request) == _NEGOTIATION.size and request[0] == NEGOTIATION and request[2:4] == b"\x08\0"
        if negotiates:
            bits = _NEGOTIATION.unpack(request)[3]
            security = tuple(dict.fromkeys(name for bit, name in SECURED.items() if bits & bit))
        if cookie is None and not negotiates:
            self.done = True
            return []
        self._requested = True
        restricted = negotiates and bool(request[1] & RESTRICTED_ADMIN)
        return [RdpRequest(packet, clean(cookie[1], NAME_LIMIT) if cookie else "", security, restricted)]

    def _answer(self, packet: Packet, rest: bytes) -> list[Parsed]:
        if len(rest) < _NEGOTIATION.size:
            return [RdpNegotiated(packet, "rdp", 0)]
        kind, _, _, value = _NEGOTIATION.unpack_from(rest)
        if kind == REFUSED:
            self.done = True
            return [RdpNegotiated(packet, "", value)]
        if kind != AGREED:
            raise Malformed("unknown answer")
        self.done = value != 0
        return [RdpNegotiated(packet, SECURED.get(value, f"type {value}") if value else "rdp", 0)]

    def _settings(self, packet: Packet, data: bytes) -> list[Parsed]:
        """The client's settings: its core data, and its channels ([MS-RDPBCGR] 2.2.1.3.2, 2.2.1.3.4)."""
        self.done = True
        blocks = _blocks(data)
        channels, core = _channels(blocks.get(NETWORK, b"")), blocks.get(CORE, b"")
        found: list[Parsed] = [RdpChannels(packet, channels)] if channels else []
        if len(core) < _CORE.size:
            return found
        _, width, height, _, build, raw = _CORE.unpack_from(core)
        name = clean(raw.decode("utf-16-le", "replace").partition("\0")[0], NAME_LIMIT)
        return [RdpClient(packet, name, build, width, height), *found, *facts(packet, [("rdp.hostname", name)])]


def _blocks(data: bytes) -> dict[bytes, bytes]:
    """The blocks of a client's settings by kind: each begins with its kind and its size, and is without them here."""
    blocks: dict[bytes, bytes] = {}
    _, _, rest = data.partition(CONFERENCE)
    rest = rest[2 if rest[:1] >= b"\x80" else 1 :]  # the size of all, with one or two bytes (X.691)
    while len(rest) >= BLOCK_HEAD and (size := int.from_bytes(rest[2:4], "little")) >= BLOCK_HEAD:
        blocks.setdefault(rest[:2], rest[BLOCK_HEAD:size])
        rest = rest[size:]
    return blocks


def _channels(block: bytes) -> tuple[str, ...]:
    """Names of the channels in a block, which begins with their number."""
    count = int.from_bytes(block[:4], "little")
    names = block[4 : 4 + _CHANNEL.size * min(count, CHANNELS_LIMIT)]
    whole = names[: len(names) // _CHANNEL.size * _CHANNEL.size]
    return tuple(clean(name.partition(b"\0")[0], NAME_LIMIT) for name, _ in _CHANNEL.iter_unpack(whole))
