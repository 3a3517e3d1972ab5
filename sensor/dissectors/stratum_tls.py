"""Stratum over TLS: recognizes miners and pools by the sizes and times of records (RFC 8446, 5), on any port.

Reads the headers of records only. Clients that name their application protocol (ALPN, RFC 7301) are no miners, since
mining has no registered name: the native dissector of TLS leaves them out. Other sessions are given up as soon as their
records do not fit.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors._mining_rhythm import Message, Rhythm
from sensor.dissectors.tls import STARTS

APPLICATION, KINDS = 23, range(20, 25)
HEAD, RECORD_LIMIT = 5, 16384 + 2048
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
    """All records after the setup are needed until the session is recognized or ruled out. Login, certificates and
    tickets are exchanged in the first seconds; then miners send and receive some hundred bytes a second at most.
    """

    interest = Interest(starts=STARTS, stream=True, after="tls", from_s=5, quiet=(24_576, 4_096))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return StratumTlsStream()


class StratumTlsStream(Stream):
    """One session, after its setup."""

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
        self.done = self.done or direction.other

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        (self._client if from_client else self._server).gap(missing)
        return iter(())


class _Direction:
    """The position in the records of one direction, which begins in a record, or at one. ``other``: it does not consist
    of records.
    """

    __slots__ = ("_head", "_left", "_lost", "_misses", "other")

    def __init__(self) -> None:
        self._head = bytearray()
        self._left = self._misses = 0
        self._lost, self.other = True, False

    def records(self, data: bytes) -> list[int]:
        """Sizes of the records of application data that begin in these bytes."""
        at, begun = 0, list[int]()
        if self._lost:
            self._lost = not (len(data) >= HEAD and data[0] in KINDS and data[1] == 3)
            self._misses += len(data) if self._lost else 0
            self.other = self._misses > LOST_LIMIT
        while at < len(data) and not self.other and not self._lost:
            if self._left:
                rest = min(self._left, len(data) - at)
                self._left -= rest
                at += rest
                continue
            part = data[at : at + HEAD - len(self._head)]
            self._head += part
            at += len(part)
            if len(self._head) == HEAD and self._begin() == APPLICATION:
                begun.append(self._left)
        return begun

    def _begin(self) -> int:
        """The type of the record whose header is complete."""
        kind, self._left = self._head[0], self._head[3] << 8 | self._head[4]
        self.other = kind not in KINDS or self._head[1] != 3 or self._left > RECORD_LIMIT
        self._head.clear()
        return kind

    def gap(self, missing: int) -> None:
        """Bytes are missing: records continue behind them if they all belong to the current one."""
        self._lost = self._lost or missing > self._left
        self._left = max(self._left - missing, 0)
        self._head.clear()
