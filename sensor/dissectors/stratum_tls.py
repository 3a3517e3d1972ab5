"""Stratum over TLS: recognizes miners and pools by the sizes and times of records (RFC 8446, 5), on any port.

Reads the headers of records only. Clients that name their application protocol (ALPN, RFC 7301) are no miners: mining
has no registered name. They are left out at the ClientHello, and other sessions as soon as their records do not fit.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors._mining_rhythm import Message, Rhythm
from sensor.dissectors.shared.client_hello import client_hello
from sensor.dissectors.tls import STARTS

HANDSHAKE, APPLICATION, KINDS = 22, 23, range(20, 25)
CLIENT_HELLO, MESSAGE_HEAD = 1, 4
HEAD, RECORD_LIMIT = 5, 16384 + 2048
HELLO_LIMIT = 4096
LOST_LIMIT = 8_192  # bytes of segments without the beginning of a record


class StratumTls(Event):
    """A session has the rhythm of a miner and its pool. ``jobs``, ``shares``: their numbers so far; sizes in bytes of
    encrypted records; ``spread``: standard deviation of the intervals between shares, divided by their mean. The packet
    is the client's.
    """

    jobs: int
    job_size: int
    shares: int
    share_size: int
    answer_size: int
    spread: float


class StratumOverTls(Dissector):
    """All records are needed until the session is recognized or ruled out."""

    interest = Interest(starts=STARTS, stream=True, after="tls")

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return StratumTlsStream()


class StratumTlsStream(Stream):
    """One session, from its ClientHello or after it."""

    def __init__(self) -> None:
        self._client, self._server = _Direction(), _Direction()
        self._rhythm = Rhythm()

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        direction = self._client if from_client else self._server
        for size in direction.records(data):
            if self.done:
                return
            if (work := self._rhythm.add(Message(packet.ts, from_client, size))) is not None:
                yield StratumTls(packet, *work)
            self.done = self._rhythm.over
        self.done = self.done or direction.named

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        (self._client if from_client else self._server).gap(missing)
        return iter(())


class _Direction:
    """The position in the records of one direction. ``named``: the ClientHello names application protocols, or the
    direction does not consist of records. It begins in a record, or at one.
    """

    __slots__ = ("_head", "_hello", "_kind", "_left", "_lost", "_misses", "named")

    def __init__(self) -> None:
        self._head, self._hello = bytearray(), bytearray()
        self._kind = self._left = self._misses = 0
        self._lost, self.named = True, False

    def records(self, data: bytes) -> list[int]:
        """Sizes of the records of application data that begin in these bytes."""
        at, begun = 0, list[int]()
        if self._lost:
            self._lost = not (len(data) >= HEAD and data[0] in KINDS and data[1] == 3)
            self._misses += len(data) if self._lost else 0
            self.named = self._misses > LOST_LIMIT
        while at < len(data) and not self.named and not self._lost:
            if self._left:
                part = data[at : at + self._left]
                if self._kind == HANDSHAKE:
                    self._greet(part)
                self._left -= len(part)
                at += len(part)
                continue
            part = data[at : at + HEAD - len(self._head)]
            self._head += part
            at += len(part)
            if len(self._head) == HEAD and self._begin() == APPLICATION:
                begun.append(self._left)
        return begun

    def _begin(self) -> int:
        """The type of the record whose header is complete."""
        self._kind, self._left = self._head[0], self._head[3] << 8 | self._head[4]
        self.named = self._kind not in KINDS or self._head[1] != 3 or self._left > RECORD_LIMIT
        self._head.clear()
        return self._kind

    def _greet(self, part: bytes) -> None:
        """Bytes of a handshake record, of which only a ClientHello in the first is read."""
        hello = self._hello
        if len(hello) >= HELLO_LIMIT or (hello and hello[0] != CLIENT_HELLO):
            return
        hello += part
        size = MESSAGE_HEAD + int.from_bytes(hello[1:MESSAGE_HEAD], "big")
        if hello[0] == CLIENT_HELLO and MESSAGE_HEAD < size <= len(hello):
            try:
                self.named = bool(client_hello(bytes(hello[MESSAGE_HEAD:size]), "t").alpn)
            except Malformed:
                self.named = True
            hello[:] = b"\0"

    def gap(self, missing: int) -> None:
        """Bytes are missing: records continue behind them if they all belong to the current one."""
        self._lost = self._lost or missing > self._left
        self._left = max(self._left - missing, 0)
        self._head.clear()
