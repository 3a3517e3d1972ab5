"""Selects the frames of an alert: those that prove it, those before it from the rings, and those that follow, up to a
limit.

It only selects and counts; ``write`` gets the frames to be written. Only packet time matters, so a replay selects the
same frames every time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import numpy as np
import numpy.typing as npt

from sensor.core.alert import Alert
from sensor.core.batch import Batch
from sensor.core.bounded import Bounded
from sensor.core.event import Event
from sensor.core.flow import Flow
from sensor.core.named_tables import NamedTables
from sensor.core.packet import Packet
from sensor.core.record_parts import Body
from sensor.core.time_units import SECOND
from sensor.evidence.frames import FrameRing
from sensor.evidence.ring import FlowRing, Frame, FrameFilter, frame_of, wants

BEFORE_LIMIT, AFTER_LIMIT = 64, 64
# Time after an alert in which frames are kept, ns of packet time; number of alerts that may wait for frames at once;
# number of alerts a second whose packets are searched for.
AFTER = 60 * SECOND
WAITING_LIMIT = 256
SEARCHES = 32

# (name of the alert, its description, the frames with a comment each)
Write = Callable[[str, str, list[tuple[Frame, str]]], None]


class _Gathering(msgspec.Struct, eq=False):
    """The frames of one alert so far. ``left``: number of frames that may still come, until ``until`` (ns);
    ``pending``: those not yet written.
    """

    name: str
    about: str
    wanted: FrameFilter
    frames: int
    left: int
    until: int
    seen: set[tuple[int, int, int]]
    pending: list[Frame] = []


class Gatherer:
    """Keeps the packets of alerts. ``folder``: name of the folder in records."""

    def __init__(self, write: Write, folder: str = "evidence") -> None:
        self._write, self._folder = write, folder
        self.packets, self.flows = FrameRing(), FlowRing()
        self.tables = NamedTables()
        self._gatherings: Bounded[str, _Gathering] = self.tables.add("alerts", Bounded(WAITING_LIMIT))
        # Actor's address, or flow, whose frames are waited for → its gathering.
        self._waiting: Bounded[int, _Gathering] = self.tables.add("flows", Bounded(4 * WAITING_LIMIT))
        self._second, self._searches = -1, 0
        self._counts: Bounded[str, int] = self.tables.add("packets", Bounded(65536))

    # Called by the engine.

    def receive(self, packet: Packet) -> None:
        """A packet was made for a dissector."""
        self.packets.keep(packet)
        if self._waiting:
            gathering = self._waiting.get(packet.flow) or self._waiting.get(packet.src) or self._waiting.get(packet.dst)
            if gathering is not None and wants(packet, gathering.wanted):
                self._add(gathering, frame_of(packet))

    @property
    def waiting(self) -> bool:
        """Whether an alert waits for frames that follow it: then every dissected packet is needed."""
        return len(self._waiting) > 0

    def begin(self, batch: Batch, changes: npt.NDArray[np.void]) -> None:
        """Start processing a batch."""
        self.flows.begin(batch, changes)

    def at(self, row: int) -> None:
        """The current row."""
        self.flows.row = row

    def end(self) -> None:
        """The batch's bytes are released."""
        self.flows.end()

    # Called by the alert processor.

    def gather(self, action: str, name: str, alert: Alert) -> Body | None:
        """The packets object of an alert record. Packets are collected when the alert opens; later records have the
        current number.
        """
        if action == "open":
            self._open(name, alert)
        elif gathering := self._gatherings.get(name):
            self._settle(gathering, alert.ts)
        frames = self._counts.get(name)
        return {"file": f"{self._folder}/{name}.pcapng", "frames": frames} if frames else None

    def resume(self, name: str, frames: int) -> None:
        """An alert of an earlier run is still open, with this number of packets in its file."""
        self._counts.put(name, frames)

    def tick(self, now: int) -> None:
        """End the collections whose time is over."""
        if not self._gatherings:
            return
        while (oldest := self._gatherings.oldest()) and now >= oldest[1].until:
            self._gatherings.pop(oldest[0])
            self._settle(oldest[1], now)
            oldest[1].left = 0

    def finish(self) -> None:
        """The end of all packets: end all collections."""
        for gathering in self._gatherings.values():
            self._settle(gathering, gathering.until)
        self._gatherings.clear()
        self._waiting.clear()

    def _open(self, name: str, alert: Alert) -> None:
        wanted, proofs = _wanted(alert), list(_proofs(alert))
        frames = dict.fromkeys(
            [*self._found(self.flows, alert.ts, wanted), *self._found(self.packets, alert.ts, wanted), *proofs]
        )
        frames = dict.fromkeys(sorted(_whole(frames), key=lambda frame: frame.ts)[-BEFORE_LIMIT - len(proofs) :])
        if not frames:
            return
        about = f"{alert.severity.name} {alert.detector}: {alert.summary}"
        decisive = {proof.ts for proof in alert.proof}
        self._write(name, about, [(frame, about if frame.ts in decisive else "before the alert") for frame in frames])
        gathering = _Gathering(
            name, about, wanted, len(frames), AFTER_LIMIT, alert.ts + AFTER, {_mark(frame) for frame in frames}
        )
        self._counts.put(name, len(frames))
        self._gatherings.put(name, gathering)
        for end in (*wanted.flows, wanted.actor):
            if end:
                self._waiting.put(end, gathering)

    def _found(self, ring: FlowRing | FrameRing, ts: int, wanted: FrameFilter) -> list[Frame]:
        """The matching frames of a ring. A flood of alerts must not cause endless searches: beyond a number a second
        only the proofs are kept.
        """
        if ts // SECOND != self._second:
            self._second, self._searches = ts // SECOND, 0
        self._searches += 1
        return [Frame(*frame) for frame in ring.find(wanted, BEFORE_LIMIT)] if self._searches <= SEARCHES else []

    def _add(self, gathering: _Gathering, frame: Frame) -> None:
        """Add a frame after the alert."""
        if gathering.left <= 0 or frame.ts > gathering.until or _mark(frame) in gathering.seen:
            return
        gathering.left -= 1
        gathering.frames += 1
        gathering.seen.add(_mark(frame))
        gathering.pending.append(frame)

    def _settle(self, gathering: _Gathering, now: int) -> None:
        """Write the frames since the last call, in order of time."""
        for frame in self._found(self.flows, now, gathering.wanted):
            self._add(gathering, frame)
        if gathering.pending:
            self._counts.put(gathering.name, gathering.frames)
            self._write(
                gathering.name,
                gathering.about,
                [(frame, "after the alert") for frame in sorted(gathering.pending, key=lambda frame: frame.ts)],
            )
            gathering.pending = []


def _wanted(alert: Alert) -> FrameFilter:
    flows = frozenset(
        proof.uid if isinstance(proof, Flow) else proof.packet.flow
        for proof in alert.proof
        if isinstance(proof, (Event, Flow))
    ) - {0}
    targets = frozenset(target.address for target in alert.targets if target.address)
    # Non-IP frames match only if one of them is a proof: otherwise all ARP frames of the actor would be included.
    below_ip = not alert.actor.address or any(
        isinstance(proof, Event) and not proof.packet.ip_version for proof in alert.proof
    )
    return FrameFilter(flows, alert.actor.address, alert.actor.mac if below_ip else 0, targets)


def _proofs(alert: Alert) -> Iterator[Frame]:
    """The frames of the messages that prove it."""
    return (frame_of(proof.packet) for proof in alert.proof if isinstance(proof, Event) and proof.packet.frame)


def _mark(frame: Frame) -> tuple[int, int, int]:
    """A key that is the same for a whole and a truncated copy of a frame."""
    return frame.ts, frame.size, hash(frame.data[:64])


def _whole(frames: dict[Frame, None]) -> list[Frame]:
    """Each frame once, the whole copy if there is one."""
    best: dict[tuple[int, int, int], Frame] = {}
    for frame in frames:
        other = best.get(_mark(frame))
        if other is None or len(frame.data) > len(other.data):
            best[_mark(frame)] = frame
    return list(best.values())
