"""SSH over TCP (RFC 4253): the identification of both sides and the first key exchange message, all that travels in the clear.

Reads the version line (section 4.2), which a server may put other lines in front of, and the lists of KEXINIT (section 7.1), from which HASSH is made: MD5
over key exchanges, ciphers, MACs and compressions in order of preference, for the direction of its sender. Version 1 is noticed by its version line.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Said, Stream
from sensor.core.event import Event
from sensor.core.observation import Observation, Subject
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean

LINE_LIMIT = 255  # bytes (RFC 4253, 4.2)
LINES_LIMIT = 32  # that a server says before its version
PACKET_LIMIT = 35000  # bytes (6.1)
KEXINIT, COOKIE, LISTS = 20, 16, 10
# Messages that may come before KEXINIT: disconnect, ignore, debug.
_OTHERS = (1, 2, 4)
SPOKEN = ("1.99", "2.0")


class SshBanner(Event):
    """One side's version line: ``protocol`` (``2.0``), ``software`` (``OpenSSH_9.6p1``), ``comment`` behind it."""

    from_client: bool
    protocol: str
    software: str
    comment: str


class SshKeyExchange(Event):
    """What one side offers, by preference; ``ciphers``, ``macs`` and ``compression`` are those for what it sends itself. ``hassh``: of client or server."""

    from_client: bool
    hassh: str
    key_exchange: tuple[str, ...]
    host_keys: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    compression: tuple[str, ...]


class Ssh(Dissector):
    """Only the opening is wanted: everything after the key exchange is encrypted."""

    interest = Interest(tcp=(22, 830, 2222), starts=(b"SSH-2.0-", b"SSH-1.99", b"SSH-1.5-"), stream=True, opening=4)

    def dissect(self, packet: Packet) -> Iterator[Said]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return SshStream()


class SshStream(Stream):
    """One connection: done when both sides have said what they offer, or when it is no SSH."""

    def __init__(self) -> None:
        self._client, self._server = _Half(), _Half()

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Said]:
        half = self._client if from_client else self._server
        line = half.line(data)
        if line:
            yield from _banner(packet, line, half, from_client)
        if half.named:
            message = half.message()
            if message:
                yield from _offer(packet, message, from_client)
        self.done = self._client.over and self._server.over

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Said]:
        (self._client if from_client else self._server).over = True
        self.done = self._client.over and self._server.over
        return iter(())


class _Half:
    """One direction: what is not read yet. ``named``: its version line was read; ``over``: nothing more is wanted of it."""

    __slots__ = ("_kept", "_lines", "named", "over")

    def __init__(self) -> None:
        self._kept, self._lines = bytearray(), 0
        self.named = self.over = False

    def line(self, data: bytes) -> bytes:
        """Take bytes; returns the version line once it is whole."""
        if self.over:
            return b""
        kept = self._kept
        kept += data
        while not self.named and not self.over:
            end = kept.find(b"\n", 0, LINE_LIMIT + 1)
            if end < 0:
                # A server may greet before it names itself, but in text.
                self.over = len(kept) > LINE_LIMIT or (not kept.startswith(b"SSH-"[: len(kept)]) and not kept.isascii())
                break
            line = bytes(kept[:end])
            del kept[: end + 1]
            self._lines += 1
            if line.startswith(b"SSH-"):
                self.named = True
                return line
            self.over = self._lines == LINES_LIMIT or not line.isascii()
        return b""

    def message(self) -> bytes:
        """The KEXINIT message, once it is whole (6)."""
        kept = self._kept
        while len(kept) >= 6 and not self.over:
            size, padding, kind = int.from_bytes(kept[:4], "big"), kept[4], kept[5]
            if not padding + 2 <= size <= PACKET_LIMIT:
                raise Malformed("packet of an impossible size")
            if kind != KEXINIT and kind not in _OTHERS:
                self.over = True
            elif len(kept) < 4 + size:
                break
            else:
                message = bytes(kept[6 : 4 + size - padding])
                del kept[: 4 + size]
                if kind == KEXINIT:
                    self.over = True
                    return message
        return b""


def _banner(packet: Packet, line: bytes, half: _Half, from_client: bool) -> Iterator[Said]:
    """The event and the fact of a version line: ``SSH-protocol-software comment``. Of version 1 nothing more is read."""
    whole = _text(line)
    _, _, rest = whole.partition("-")
    protocol, _, rest = rest.partition("-")
    software, _, comment = rest.partition(" ")
    half.over = protocol not in SPOKEN
    yield SshBanner(packet, from_client, protocol, software, comment.strip())
    yield Observation(packet.ts, Subject(packet.src_mac, packet.src, packet.vlan), "ssh.banner", whole, packet.flow)


def _offer(packet: Packet, message: bytes, from_client: bool) -> Iterator[Said]:
    reader = Reader(message, COOKIE) if len(message) >= COOKIE else Reader(b"")
    lists = tuple(reader.take(reader.u32()) for _ in range(LISTS))
    own = (lists[0], lists[2 if from_client else 3], lists[4 if from_client else 5], lists[6 if from_client else 7])
    hassh = _md5(b";".join(own))
    exchange, ciphers, macs, compression = map(_names, own)
    yield SshKeyExchange(packet, from_client, hassh, exchange, _names(lists[1]), ciphers, macs, compression)
    kind = "ssh.hassh" if from_client else "ssh.hassh_server"
    yield Observation(packet.ts, Subject(packet.src_mac, packet.src, packet.vlan), kind, hassh, packet.flow)


_text = functools.lru_cache(maxsize=1024)(clean)  # a line is at most LINE_LIMIT long


@functools.lru_cache(maxsize=512)
def _names(listed: bytes) -> tuple[str, ...]:
    """The names of a list (RFC 4251, 5), cleaned; programs have few different ones."""
    return tuple(clean(name, 64) for name in listed.split(b",", 128)[:128]) if listed else ()


@functools.lru_cache(maxsize=512)
def _md5(raw: bytes) -> str:
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()
