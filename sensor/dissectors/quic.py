"""QUIC over UDP (RFC 9000, RFC 9001): the client's first flight, in versions 1 and 2 (RFC 9369), draft 29, and
the one of Meta's apps (mvfst), which has the keys of draft 27.

The keys of Initial packets are derived from the connection id that the client chose, so every observer on the path can
decrypt them: the ClientHello inside names host, protocols and program. Reads the client's Initial packets, several in a
datagram, and reassembles their CRYPTO frames; a hello that spans datagrams is stored until the next ones arrive, for a
bounded number of connections. Ignores what servers send, whose keys cannot be derived from one packet, everything
later, and clients that resume a connection.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core.bounded import Bounded
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.named_tables import NamedTables
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader
from sensor.dissectors.shared.client_hello import ClientHello, client_hello
from sensor.dissectors.shared.sender_facts import facts

LONG, FIXED, TYPE = 0x80, 0x40, 0x30
ID_LIMIT = 20  # bytes (RFC 9000, 17.2)
SAMPLE_AT, SAMPLE = 4, 16
PACKETS_LIMIT = 4  # of a datagram
FRAMES_LIMIT = 256
HELLO_HEAD, HELLO_LIMIT = 4, 16384
CLIENT_HELLO = 1
PADDING, PING, ACK, ACK_ECN, CRYPTO, CLOSE = 0, 1, 2, 3, 6, 0x1C
# Connections with a partial hello, and those with a complete one: clients retransmit until they are answered.
OPEN_LIMIT = 256


class _Version(NamedTuple):
    """Differences between versions (RFC 9001, 5.2; RFC 9369, 3): name, salt, prefix of the labels, and the type bits of
    an Initial packet.
    """

    name: str
    salt: bytes
    word: bytes
    initial: int


VERSIONS = {
    b"\0\0\0\1": _Version("1", bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), b"quic", 0x00),
    b"\x6b\x33\x43\xcf": _Version("2", bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), b"quicv2", 0x10),
    b"\xfa\xce\xb0\x02": _Version("mvfst", bytes.fromhex("c3eef712c72ebb5a11a7d2432bb46365bef9f502"), b"quic", 0x00),
    b"\xff\0\0\x1d": _Version("draft-29", bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899"), b"quic", 0x00),
}


class QuicClientHello(Event):
    """A client opens a connection. ``version``: of QUIC (``1``, ``2``, ``draft-29``, ``mvfst``); the rest
    as in ``TlsClientHello``. ``ja4`` begins with q.
    """

    version: str
    sni: str
    alpn: tuple[str, ...]
    tls: str
    ja3: str
    ja4: str
    encrypted: bool


class Quic(Dissector):
    """Recognized by the version number after the first byte, on any port.

    Keeps state across datagrams: the parts of hellos that span several datagrams, as those of current browsers do.
    """

    interest = Interest(magic=tuple((1, version) for version in VERSIONS), repeats_s=5)

    def __init__(self) -> None:
        self.tables = tables = NamedTables()
        self._open: Bounded[bytes, _Pieces] = tables.add("open", Bounded(OPEN_LIMIT))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        version = VERSIONS.get(data[1:5])
        if version is None or packet.direction or packet.truncated:
            return iter(())
        return iter(self._datagram(packet, data, version))

    def _datagram(self, packet: Packet, data: bytes, version: _Version) -> list[Parsed]:
        """Parse the Initial packets at the start of a datagram together."""
        at, whose, pieces = 0, b"", None
        for _ in range(PACKETS_LIMIT):
            if data[at + 1 : at + 5] != data[1:5] or data[at] & (LONG | FIXED | TYPE) != LONG | FIXED | version.initial:
                break
            header = _header(data, at)
            if not whose:
                whose = header.destination
                pieces = self._open.get(whose)
                if pieces is None:
                    pieces = _Pieces()
                elif pieces.reported:
                    return []
            frames = _opened(data, at, header, version) if header.destination == whose else None
            at = header.stop
            if frames is None or pieces is None:
                break
            pieces.take(frames)
        if pieces is None or not pieces:
            return []
        self._open.put(whose, pieces)
        hello = pieces.hello()
        return client(packet, client_hello(hello, "q"), version.name) if hello is not None else []


class _Pieces:
    """The known parts of one connection's CRYPTO stream; of overlapping ones the last is used. ``reported``: its hello
    was parsed, nothing more is stored.
    """

    __slots__ = ("data", "reported", "spans")

    def __init__(self) -> None:
        self.data, self.reported = bytearray(), False
        self.spans: list[tuple[int, int]] = []

    def __bool__(self) -> bool:
        return bool(self.spans)

    def take(self, frames: list[tuple[int, bytes]]) -> None:
        """Store parts within the limits."""
        for offset, part in frames:
            stop = offset + len(part)
            if part and stop <= HELLO_LIMIT and len(self.spans) < FRAMES_LIMIT:
                self.data.extend(bytes(max(0, stop - len(self.data))))
                self.data[offset:stop] = part
                if (offset, stop) not in self.spans:
                    self.spans.append((offset, stop))

    def hello(self) -> bytes | None:
        """The body of the ClientHello once it is complete."""
        known = 0
        for start, stop in sorted(self.spans):
            if start > known:
                break
            known = max(known, stop)
        if known < HELLO_HEAD:
            return None
        size = HELLO_HEAD + int.from_bytes(self.data[1:HELLO_HEAD], "big")
        if self.data[0] == CLIENT_HELLO and known < size <= HELLO_LIMIT:
            return None
        data, self.reported = self.data, True
        self.data, self.spans = bytearray(), []
        if data[0] != CLIENT_HELLO:
            raise Malformed("not a hello")
        if size > HELLO_LIMIT:
            raise Malformed("hello too long")
        return bytes(data[HELLO_HEAD:size])


class _Header(NamedTuple):
    """Offsets in an Initial packet: ``number`` of the packet number, ``stop`` of the end."""

    destination: bytes
    number: int
    stop: int


def _header(data: bytes, at: int) -> _Header:
    """RFC 9000, 17.2.2."""
    reader = Reader(data, at + 5)
    destination = reader.take(_id_size(reader))
    reader.skip(_id_size(reader))
    reader.skip(_varint(reader))
    size = _varint(reader)
    if size < SAMPLE_AT + SAMPLE or size > reader.left:
        raise Malformed("packet longer than the datagram" if size > reader.left else "packet too short")
    return _Header(destination, reader.offset, reader.offset + size)


def _id_size(reader: Reader) -> int:
    size = reader.u8()
    if size > ID_LIMIT:
        raise Malformed("connection id too long")
    return size


def _varint(reader: Reader) -> int:
    """An integer of 1, 2, 4 or 8 bytes (RFC 9000, 16)."""
    first = reader.u8()
    value = first & 0x3F
    for byte in reader.take((1 << (first >> 6)) - 1):
        value = value << 8 | byte
    return value


class _Keys(NamedTuple):
    """The client's packet key and nonce, and the key of its header protection."""

    packet: Any
    nonce: int
    header: Any


@functools.lru_cache(maxsize=64)
def _keys(destination: bytes, version: _Version) -> _Keys:
    """Keys of Initial packets that a client sends to a connection id of its choice (RFC 9001, 5.2)."""
    # Slow to import, and many networks never need it.
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    secret = _expand(hmac.digest(version.salt, destination, "sha256"), b"client in", 32)
    key, nonce, header = (
        _expand(secret, version.word + b" " + word, size) for word, size in ((b"key", 16), (b"iv", 12), (b"hp", 16))
    )
    # The standard requires one block in ECB mode (RFC 9001, 5.4.3).
    return _Keys(AESGCM(key), int.from_bytes(nonce, "big"), Cipher(algorithms.AES(header), modes.ECB()))  # noqa: S305


def _expand(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446, 7.1), for at most one block."""
    label = b"tls13 " + label
    info = struct.pack("!HB", size, len(label)) + label + b"\0"
    return hmac.digest(secret, info + b"\1", hashlib.sha256)[:size]


def _opened(data: bytes, at: int, header: _Header, version: _Version) -> list[tuple[int, bytes]] | None:
    """The CRYPTO frames of an Initial packet; None if its keys differ, as they do once the server has answered."""
    from cryptography.exceptions import InvalidTag

    keys = _keys(header.destination, version)
    sample = header.number + SAMPLE_AT
    mask = keys.header.encryptor().update(data[sample : sample + SAMPLE])
    first = data[at] ^ mask[0] & 0x0F
    size = (first & 3) + 1
    number = bytes(a ^ b for a, b in zip(data[header.number : header.number + size], mask[1 : 1 + size], strict=True))
    nonce = (keys.nonce ^ int.from_bytes(number, "big")).to_bytes(12, "big")
    known = bytes((first,)) + data[at + 1 : header.number] + number
    try:
        plain = keys.packet.decrypt(nonce, data[header.number + size : header.stop], known)
    except InvalidTag:
        return None
    return _frames(plain)


def _frames(plain: bytes) -> list[tuple[int, bytes]]:
    """(offset, bytes) of the CRYPTO frames of an Initial packet (RFC 9000, 17.2.2 and 19)."""
    reader = Reader(plain)
    found: list[tuple[int, bytes]] = []
    for _ in range(FRAMES_LIMIT):
        reader.offset += reader.left - len(plain[reader.offset :].lstrip(b"\0"))
        if not reader.left:
            return found
        kind = _varint(reader)
        if kind == CRYPTO:
            offset = _varint(reader)
            found.append((offset, reader.take(_varint(reader))))
        elif kind in (ACK, ACK_ECN):
            _varint(reader), _varint(reader)
            ranges = _varint(reader)
            if ranges > FRAMES_LIMIT:
                raise Malformed("too many ranges")
            for _ in range(1 + 2 * ranges + 3 * (kind == ACK_ECN)):
                _varint(reader)
        elif kind == CLOSE:
            return found
        elif kind != PING:
            raise Malformed("frame type not allowed in Initial packets")
    raise Malformed("too many frames")


def client(packet: Packet, hello: ClientHello, version: str) -> list[Parsed]:
    """The event and the facts about the client."""
    return [
        QuicClientHello(packet, version, hello.sni, hello.alpn, hello.version, hello.ja3, hello.ja4, hello.encrypted),
        *facts(packet, [("quic.sni", hello.sni), ("quic.ja4", hello.ja4)]),
    ]
