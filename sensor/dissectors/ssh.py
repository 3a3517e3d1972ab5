"""SSH over TCP (RFC 4253): the identification of both sides, the first key exchange message, and what packet sizes
reveal about the encrypted login.

Reads the version line (section 4.2), which a server may precede with other lines, and the lists of KEXINIT (section
7.1), from which HASSH is computed: MD5 over key exchanges, ciphers, MACs and compressions in order of preference, for
the direction of its sender. Version 1 is recognised by its version line.

The login (RFC 4252) is encrypted, but its messages have sizes. The server's first one accepts the service (17 bytes),
and success (1 byte) is 16 bytes shorter with every cipher. The first answer after that lists the available methods:
later ones of the same length, to requests too small for a key, are refused passwords. OpenSSH pads passwords to the
size of a request with a short key (Ed25519): such a refusal is reported as uncertain. If messages share a segment
nothing is reported. Bytes that the capture cut off count with their known size; an exchange with a lost segment is left
out.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors.shared.sender_facts import fact

LINE_LIMIT = 255  # bytes (RFC 4253, 4.2)
LINES_LIMIT = 32  # that a server sends before its version
PACKET_LIMIT = 35000  # bytes (6.1)
KEXINIT, COOKIE, LISTS = 20, 16, 10
# Messages that may precede KEXINIT: disconnect, ignore, debug.
_OTHERS = (1, 2, 4)
# A version line of version 2 (5.1): its number ends with a dash or with the line.
VERSION_2 = lazy_pattern(rb"SSH-(?:1\.99|2\.0)(?:-|[\0-\x20\x7f]*\Z)")
NEW_KEYS, NEW_KEYS_SIZE = b"\0\0\0\x0c\x0a\x15", 16  # the last cleartext packet (7.3)
SHORTER = 16  # bytes by which success is shorter than the acceptance of the service
PASSWORD_MOST = 64  # maximum of bytes by which a password request is longer than the service request
PADDED_MOST = 128  # the same, of a padded password or a short key
ANSWERS_LIMIT = 40
# A server opens a channel for each connection to a forwarded port (RFC 4254, 7.2): the request is 32 to 112 bytes
# longer than the confirmation, which is as long as the acceptance of the service. Requests for channels to an agent or
# an X11 server are at most 24 bytes longer.
OPENING_LEAST, OPENING_MOST = 32, 112
CHANNELS = 5  # channels until they are reported
FOLLOWED_LIMIT = 600  # segments after the login
SILENCE = 100_000_000  # ns after which a segment of the server is no response


class SshBanner(Event):
    """One side's version line: ``protocol`` (``2.0``), ``software`` (``OpenSSH_9.6p1``), ``comment`` after it."""

    from_client: bool
    protocol: str
    software: str
    comment: str


class SshKeyExchange(Event):
    """One side's offer, by preference; ``ciphers``, ``macs`` and ``compression`` are those of its sending direction.
    ``hassh``: of client or server.
    """

    from_client: bool
    hassh: str
    key_exchange: tuple[str, ...]
    host_keys: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    compression: tuple[str, ...]


class SshLogin(Event):
    """A password was rejected, or a login of any method succeeded; the packet is the server's. ``certain`` is false if
    the rejected request may also have been a short key.
    """

    accepted: bool
    certain: bool = True


class SshForwarding(Event):
    """The server opened channels to the client, which confirmed them: connections to a port that the client forwards
    from the server (``ssh -R``). ``channels``: how many so far; the packet is the server's.
    """

    channels: int


class Ssh(Dissector):
    """Messages before a session are needed, and the first ones of it."""

    interest = Interest(tcp=(22, 830, 2222), starts=(b"SSH-2.0-", b"SSH-1.99", b"SSH-1.5-"), stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return SshStream()


class SshStream(Stream):
    """One connection: done some time after a login succeeds, when it is not SSH, or when the login can no longer be
    followed.
    """

    def __init__(self) -> None:
        self._client, self._server = _Direction(), _Direction()
        self._login = _Login()
        self._answer: Packet | None = None  # the server's last segment
        self._fed: Packet | None = None  # the last segment
        self._forwards: _Forwards | None = None  # after a login

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        self._fed = packet
        if self._forwards is not None:
            if self._forwards.opened(packet.ts, len(data) + packet.cut_off, from_client):
                yield SshForwarding(packet, CHANNELS)
            self.done = self._forwards.over
            return
        if self._client.passed and self._server.passed:
            size = self._login.sealed(data) if from_client else len(data)
            yield from self._try(packet, size, from_client)
            return
        direction = self._client if from_client else self._server
        line = direction.line(data)
        if line:
            direction.over = not VERSION_2.match(line)
            yield from banner(packet, line, from_client)
        if direction.named:
            message = direction.message()
            if message:
                yield from offer(packet, message, from_client)
        self._look()

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        """The bytes were cut off the end of this packet, or a segment before it is missing."""
        direction = self._client if from_client else self._server
        if self._forwards is not None:
            return
        if not (self._client.passed and self._server.passed):
            direction.over, direction.passed = True, direction.named
            self._look()
        elif packet is self._fed:
            yield from self._try(packet, missing, from_client)
        else:
            self._login.lost()
            self.done = self._login.over

    def finish(self) -> Iterator[Parsed]:
        if self._answer is not None and (accepted := self._login.settle()) is not None:
            yield SshLogin(self._answer, accepted, accepted or self._login.certain)

    def _try(self, packet: Packet, size: int, from_client: bool) -> Iterator[Parsed]:
        accepted = self._login.requested(size) if from_client else self._login.answered(size)
        self._answer = self._answer if from_client else packet
        if accepted is not None and self._answer is not None:
            yield SshLogin(self._answer, accepted, accepted or self._login.certain)
        if accepted:
            self._forwards = _Forwards(self._login.accept)
        else:
            self.done = self._login.over

    def _look(self) -> None:
        """Done if both sides are parsed and the login cannot be followed."""
        both = self._client.passed and self._server.passed
        self.done = self._client.over and self._server.over and not both


class _Forwards:
    """Sizes of segments after the login. ``over``: channels were opened, or enough segments were followed.

    A request for a channel is no response: the server sent the segment before as well, or none was sent for a while.
    The client confirms it in one segment, then the server sends the data of the connection. The requests of a forwarded
    port are of equal length, other output of a server is not.
    """

    __slots__ = ("_confirmation", "_confirmed", "_count", "_from_client", "_left", "_opening", "_size", "_ts", "over")

    def __init__(self, confirmation: int) -> None:
        self._confirmation, self._left, self.over = confirmation, FOLLOWED_LIMIT, False
        self._opening = self._confirmed = self._count = self._size = self._ts = 0
        self._from_client = True

    def opened(self, ts: int, size: int, from_client: bool) -> bool:
        """Process a segment; True if it is the first one on the last of several channels."""
        opening, confirmed, self._opening, self._confirmed = self._opening, self._confirmed, 0, 0
        if from_client:
            if size == self._confirmation:
                self._confirmed = opening
        elif confirmed:
            self._count = self._count + 1 if confirmed == self._size else 1
            self._size = confirmed
        elif not self._from_client or ts - self._ts > SILENCE:
            self._opening = size if OPENING_LEAST <= size - self._confirmation <= OPENING_MOST else 0
        self._from_client, self._ts = from_client, ts
        self._left -= 1
        self.over = self._count >= CHANNELS or not self._left
        return self._count >= CHANNELS


class _Login:
    """Sizes of messages: of the service request and its acceptance, of a failure, and of the last request. A message
    may span many segments: it ends when the other side sends data.
    """

    __slots__ = (
        "_answer",
        "_answers",
        "_clear",
        "_decided",
        "_exchanged",
        "_keys",
        "_refusal",
        "_request",
        "_server_sends",
        "_service",
        "accept",
        "certain",
        "over",
    )

    def __init__(self) -> None:
        self._service = self.accept = self._refusal = self._request = self._answer = self._answers = 0
        self._exchanged = 0  # bytes before the last cleartext packet
        self._keys = self._decided = self._server_sends = self.over = False
        self.certain = True  # the request of the last failure was too small for a key
        self._clear = b""

    def requested(self, size: int) -> bool | None:
        """The client sends encrypted data. Whether the previous response was a success or a failure, None if it was
        neither or is known already.
        """
        result = self.settle()
        if self._server_sends:
            self._server_sends, self._request = False, 0
        self._request += size if self._keys else 0
        return result

    def sealed(self, data: bytes) -> int:
        """Size of the client's data after the last cleartext packet."""
        if self._keys:
            return len(data)
        data = self._clear + data
        at = data.find(NEW_KEYS)
        self._keys = 0 <= at <= len(data) - NEW_KEYS_SIZE
        self._clear = b"" if self._keys else data[1 - NEW_KEYS_SIZE :]
        self._exchanged += len(data)
        self.over = not self._keys and self._exchanged > PACKET_LIMIT
        return len(data) - at - NEW_KEYS_SIZE if self._keys else 0

    def lost(self) -> None:
        """A segment is missing: the current exchange is left out. The first ones give the sizes of the others."""
        self.over = not self._refusal
        self._request, self._server_sends = 0, False

    def answered(self, size: int) -> bool | None:
        """The server sends data: whether its first segment alone is a success or a failure, None if it is neither."""
        if not self._request:
            return None
        if self._server_sends:
            self._answer += size
            return None
        self._server_sends, self._answer, self._decided = True, size, False
        self._answers += 1
        self.over = self._answers >= ANSWERS_LIMIT
        result = self._login_result()
        self._decided = result is not None
        return result

    def settle(self) -> bool | None:
        """The response is complete: its result."""
        if not self._server_sends or self._decided or not self._answer:
            return None
        result = self._login_result()
        if result is None and not self.accept:
            self._service, self.accept = self._request, self._answer
        elif result is None and not self._refusal:
            self._refusal = self._answer
        self._decided = True
        return result

    def _login_result(self) -> bool | None:
        if self.accept and self._answer == self.accept - SHORTER:
            self.over = True
            return True
        longer = self._request - self._service
        if self._refusal and self._answer == self._refusal and longer <= PADDED_MOST:
            self.certain = longer <= PASSWORD_MOST
            return False
        return None


class _Direction:
    """One direction: unparsed data. ``named``: its version line was parsed; ``passed``: its offer was parsed or is
    incomplete; ``over``: nothing more is needed of it.
    """

    __slots__ = ("_kept", "_lines", "named", "over", "passed")

    def __init__(self) -> None:
        self._kept, self._lines = bytearray(), 0
        self.named = self.passed = self.over = False

    def line(self, data: bytes) -> bytes:
        """Take bytes; returns the version line once it is whole."""
        if self.over:
            return b""
        kept = self._kept
        kept += data
        while not self.named and not self.over:
            end = kept.find(b"\n", 0, LINE_LIMIT + 1)
            if end < 0:
                # A server may send other lines before its version, but only text.
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
                raise Malformed("packet of an invalid size")
            if kind != KEXINIT and kind not in _OTHERS:
                self.over = True
            elif len(kept) < 4 + size:
                break
            else:
                message = bytes(kept[6 : 4 + size - padding])
                del kept[: 4 + size]
                if kind == KEXINIT:
                    self.passed = self.over = True
                    return message
        return b""


def banner(packet: Packet, line: bytes, from_client: bool) -> Iterator[Parsed]:
    """Event and fact of a version line: ``SSH-protocol-software comment``."""
    whole = _text(line)
    _, _, rest = whole.partition("-")
    protocol, _, rest = rest.partition("-")
    software, _, comment = rest.partition(" ")
    yield SshBanner(packet, from_client, protocol, software, comment.strip())
    yield fact(packet, "ssh.banner", whole)


def offer(packet: Packet, message: bytes, from_client: bool) -> Iterator[Parsed]:
    """Event and fact of a KEXINIT message."""
    reader = Reader(message, COOKIE) if len(message) >= COOKIE else Reader(b"")
    lists = tuple(reader.take(reader.u32()) for _ in range(LISTS))
    own = (lists[0], lists[2 if from_client else 3], lists[4 if from_client else 5], lists[6 if from_client else 7])
    hassh = _md5(b";".join(own))
    exchange, ciphers, macs, compression = map(_names, own)
    yield SshKeyExchange(packet, from_client, hassh, exchange, _names(lists[1]), ciphers, macs, compression)
    kind = "ssh.hassh" if from_client else "ssh.hassh_server"
    yield fact(packet, kind, hassh)


_text = functools.lru_cache(maxsize=1024)(clean)  # a line is at most LINE_LIMIT long


@functools.lru_cache(maxsize=512)
def _names(listed: bytes) -> tuple[str, ...]:
    """The names in a list (RFC 4251, 5), cleaned; cached, since programs have few different ones."""
    return tuple(clean(name, 64) for name in listed.split(b",", 128)[:128]) if listed else ()


@functools.lru_cache(maxsize=512)
def _md5(raw: bytes) -> str:
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()
