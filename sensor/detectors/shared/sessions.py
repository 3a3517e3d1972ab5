"""Administration sessions between internal hosts: sessions in which data was exchanged.

A session counts once it lasted ten seconds, or ended with enough packets to be more than a probe: scanners and
monitoring open connections and close them at once. Over SMB, sessions that only use ordinary shares are file sharing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import NEVER, Context, EventDetector
from sensor.core.event import Event
from sensor.core.flow import Change, Flow
from sensor.core.recent import RecentSet
from sensor.core.time_units import DAY, SECOND
from sensor.core.wants import Want, field
from sensor.counting.changes import Changes
from sensor.counting.contacts import combine, sessions
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.ports import ports_in
from sensor.counting.tally import Distinct
from sensor.detectors.shared.calls import PIPE_SHARE
from sensor.detectors.shared.hosts import client_of, server_of
from sensor.dissectors.shared.smb_events import SmbTreeConnect

HOLD = 10 * SECOND
RECENT_BITS, PENDING_LIMIT = 12, 4096
# A session with application data has at least this many packets of its client and its server.
ANSWERED_PACKETS = (6, 4)
SMB = "SMB"
# port -> (service, technique)
SERVICES = {
    22: ("SSH", "T1021.004"),
    23: ("Telnet", "T1021"),
    139: (SMB, "T1021.002"),
    445: (SMB, "T1021.002"),
    3389: ("RDP", "T1021.001"),
    **dict.fromkeys(range(5900, 5906), ("VNC", "T1021.005")),
    5985: ("WinRM", "T1021.006"),
    5986: ("WinRM", "T1021.006"),
}
_PORTS = ports_in(SERVICES).view(np.uint8)
# A server with this many clients of a service is public: its clients do not administer it.
POPULAR = 3
SERVERS_LIMIT, CLIENTS_LIMIT = 4096, 8
# Hosts whose function is file sharing or printing: SMB to them is ordinary.
SHARING = frozenset(("server", "nas", "printer", "label_printer"))


class _Opened(NamedTuple):
    """Changes of sessions. ``at``: indexes into the changes; ``begun``: which of them begin a session, with ``keys`` of
    client, server and service, and times (ns); ``over``: whether one ended before HOLD, or had no visible answer.
    """

    at: npt.NDArray[np.int32]
    begun: npt.NDArray[np.intp]
    keys: npt.NDArray[np.uint64]
    ts: npt.NDArray[np.int64]
    over: npt.NDArray[np.bool_]


def service_of(flow: Flow) -> int:
    """The service of a flow in the notation of the baseline."""
    return flow.proto << 16 | flow.server_port


def service_name(flow: Flow) -> str:
    return SERVICES[flow.server_port][0]


class AdminSessions(FlowDetector, EventDetector):
    """Base of detectors of administration sessions: ``session`` is called for each, with the flow change that showed
    it.
    """

    severity = Severity.medium
    watches = (SmbTreeConnect,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._recent = self.tables.add("recent", RecentSet(RECENT_BITS))
        self._pending: Bounded[int, Flow] = self.tables.add("pending", Bounded(PENDING_LIMIT))
        self._clients: Distinct[tuple[int, str], int] = self.tables.add(
            "clients", Distinct(DAY, SERVERS_LIMIT, CLIENTS_LIMIT)
        )
        # By flow: time of its last tree connect, and whether all its shares are ordinary ones.
        self._shares: Bounded[int, tuple[int, bool]] = self.tables.add("shares", Bounded(PENDING_LIMIT))

    def wants(self) -> dict[type[Event], Want]:
        return {SmbTreeConnect: field("share").filled() & (field("share") != PIPE_SHARE)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, SmbTreeConnect) and event.share not in ("", PIPE_SHARE):
            flow, now = event.packet.flow, event.packet.ts
            _, ordinary = self._shares.get(flow) or (now, True)
            self._shares.put(flow, (now, ordinary and not event.share.endswith("$")))
            # A session is judged before that.
            while (oldest := self._shares.oldest()) and now - oldest[1][0] > 6 * HOLD:
                self._shares.pop(oldest[0])
        return iter(())

    def session(self, flow: Flow, ts: int) -> Iterator[Alert]:
        """A session with data, established at ``ts``."""
        raise NotImplementedError

    def candidates(self, changes: Changes) -> Iterable[tuple[int, None]]:
        opened = changes.once(_opened)
        if not len(opened.at):
            return []
        found = opened.over.copy()
        found[opened.begun] = self._recent.fresh(opened.keys, opened.ts, HOLD)
        return [(at, None) for at in opened.at[found].tolist()]

    def evaluate(self, flow: Flow, numbers: None) -> Iterator[Alert]:
        if flow.client == flow.server:
            return
        if flow.kind == Change.ANSWERED:
            self._pending.put(flow.uid, flow)
            self._wait()
            return
        self._pending.pop(flow.uid)
        self._wait()
        if not flow.answered or (
            flow.client_packets >= ANSWERED_PACKETS[0] and flow.server_packets >= ANSWERED_PACKETS[1]
        ):
            yield from self._count_session(flow, flow.ts)

    def tick(self, now: int) -> Iterator[Alert]:
        while (oldest := self._pending.oldest()) and abs(now - oldest[1].ts) >= HOLD:
            self._pending.pop(oldest[0])
            yield from self._count_session(oldest[1], now)
        self._wait()

    def _wait(self) -> None:
        """The next tick is when the oldest session reaches the required duration."""
        oldest = self._pending.oldest()
        self.due = oldest[1].ts + HOLD if oldest is not None else NEVER

    def _count_session(self, flow: Flow, ts: int) -> Iterator[Alert]:
        self._clients.add((flow.server, service_name(flow)), flow.client, ts)
        yield from self.session(flow, ts)

    def is_new(self, flow: Flow) -> bool:
        """Whether the baseline has no session of this service between the two."""
        first = self.context.baseline.first_use(client_of(flow), server_of(flow), service_of(flow))
        return not 0 < first < flow.first

    def is_popular(self, flow: Flow, clients: int = POPULAR) -> bool:
        """Whether the server has many clients of this service."""
        met = len(self._clients.values((flow.server, service_name(flow))))
        return max(met, self.context.baseline.clients(server_of(flow), service_of(flow))) >= clients

    def is_sharing(self, flow: Flow) -> bool:
        """SMB to ordinary shares, or to a host whose function is file sharing."""
        if service_name(flow) != SMB:
            return False
        _, ordinary = self._shares.get(flow.uid) or (0, False)
        device = self.context.device(server_of(flow))
        return ordinary or (device is not None and device.type in SHARING) or self.is_popular(flow)


def _opened(changes: Changes) -> _Opened:
    """The changes of sessions in a batch: the same for all detectors."""
    opened = sessions(changes.contacts, _PORTS)
    rows = changes.rows.take(opened["at"])
    kind = rows["kind"]
    flooded = changes.flooded[np.searchsorted(changes.contacts["row"], opened["at"])]
    begun = np.flatnonzero((kind == Change.ANSWERED) & ~flooded)
    short = (rows["answered"] == 1) & (rows["ts"] - rows["first"] < HOLD)
    # If only the client is captured, a long flow was answered.
    unanswered = (rows["answered"] == 0) & (rows["client_packets"] >= 2 * ANSWERED_PACKETS[0])
    return _Opened(
        opened["at"],
        begun,
        combine(opened["key"][begun], opened["value"][begun]),
        opened["ts"][begun],
        (kind == Change.ENDED) & (short | unanswered),
    )
