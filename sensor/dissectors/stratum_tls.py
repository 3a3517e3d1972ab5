"""Stratum over TLS: recognizes miners and pools by the sizes and times of records (RFC 8446, 5), on any port.

Reads the headers of records only. Clients that name their application protocol (ALPN, RFC 7301) are no miners, since
mining has no registered name: the native dissector of TLS leaves them out. Other sessions are dropped as soon as their
records do not fit.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors._mining_session import Message, MiningSession
from sensor.dissectors.shared.tls_records import Records
from sensor.dissectors.tls import STARTS


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
        self._client, self._server = Records(at_record=False), Records(at_record=False)
        self._rhythm = MiningSession()

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        direction = self._client if from_client else self._server
        for size in direction.begun(data):
            if self.done:
                return
            if (work := self._rhythm.add(Message(packet.ts, from_client, size))) is not None:
                yield StratumTls(packet, *work)
            self.done = self._rhythm.over
        self.done = self.done or direction.other

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        (self._client if from_client else self._server).gap(missing)
        return iter(())
