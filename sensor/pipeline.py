"""The pipeline: decoded batches in, records out. Rows, candidates of flow detectors and sightings are worked off in packet order, so that the log is the
same however the packets were cut into batches; what happens by time (ageing, settling, folding) happens at each new second of packet time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from sensor.alert_desk import AlertDesk
from sensor.boundary import Boundary
from sensor.core.alert import Alert
from sensor.core.batch import Batch, Problem
from sensor.core.detector import Detector, EventDetector, FlowDetector
from sensor.core.dissector import Dissector, Said
from sensor.core.event import Event
from sensor.core.flow import Change, flow_of
from sensor.core.observation import Observation, Subject
from sensor.core.packet import Packet, Packets
from sensor.core.recent import RecentSet
from sensor.core.record import Record, RecordMaker
from sensor.decode.flows import FlowTable, until
from sensor.decode.fragments import Fragments
from sensor.decode.reassembly import Assembler, Streams
from sensor.decode.select import Selector
from sensor.inventory.inventory import Inventory
from sensor.inventory.sightings import Sightings

SECOND = 1_000_000_000
TCP = 6
STREAMS_LIMIT = 8192
FRAGMENTED_LIMIT = 256

# The problems that are the sender's fault, or the network's.
MALFORMED = tuple(kind for kind in Problem if kind not in (Problem.CUT, Problem.LINK_UNKNOWN))

# What is done first where several things fall on one row: facts before judgement.
_DISSECT, _END_STREAM, _SIGHT, _JUDGE = range(4)


class Sizes(msgspec.Struct, frozen=True):
    """Sizes of the fixed tables, as powers of two."""

    flow_bits: int = 17
    repeat_bits: int = 15


class Pipeline:
    """One engine. ``emit`` gets each record in order; nothing here blocks, sleeps or reads a clock."""

    def __init__(
        self,
        *,
        dissectors: dict[str, Dissector],
        detectors: Iterable[Detector],
        inventory: Inventory,
        desk: AlertDesk,
        maker: RecordMaker,
        boundary: Boundary,
        emit: Callable[[Record], None],
        sizes: Sizes | None = None,
    ) -> None:
        self.inventory, self.desk, self.maker, self.boundary, self.emit = inventory, desk, maker, boundary, emit
        sizes = sizes or Sizes()
        self.flows = FlowTable(sizes.flow_bits)
        self.selector = Selector([unit.interest for unit in dissectors.values()], RecentSet(sizes.repeat_bits))
        self.sightings = Sightings(inventory.networks)
        self.streams = Streams(STREAMS_LIMIT)
        self.fragments = Fragments(FRAGMENTED_LIMIT)
        self._dissectors = list(dissectors.items())
        self._flow_detectors = [detector for detector in detectors if isinstance(detector, FlowDetector)]
        self._watchers: dict[type[Event], list[EventDetector]] = {}
        for detector in detectors:
            if isinstance(detector, EventDetector):
                for event in detector.watches:
                    self._watchers.setdefault(event, []).append(detector)
        self._second = -1
        self._last = 0
        self.malformed = self.selected = self.decoded = 0
        self.problems: dict[Problem, int] = {}

    def process(self, batch: Batch) -> None:
        """Work off one decoded batch. Its rows and bytes are not needed afterwards."""
        rows, start, total = batch.rows, 0, len(batch)
        self.decoded += total
        if batch.malformed:
            self._count_problems(batch)
        packets = Packets(batch.data, rows)
        while start < total:
            second = int(rows["ts"][start]) // SECOND
            if self._second < 0:
                self._second = second
            stop = until(rows, start, self._second)
            if stop > start:
                self._part(batch, packets, start, stop)
            if stop < total:
                self._tick(int(rows["ts"][stop]) // SECOND)
            start = stop
        if total:
            self._last = max(self._last, int(rows["ts"][total - 1]))

    def tick(self, now: int) -> None:
        """A silent wire: let time pass up to ``now`` (ns)."""
        if self._second >= 0 and now // SECOND > self._second:
            self._tick(now // SECOND)

    def finish(self) -> None:
        """The end of all packets: end flows and streams, tell what is still untold."""
        if self._second < 0:
            return
        now = max(self._last, self._second * SECOND)
        self._by_time(self.flows.finish(now))
        self._tell(self.inventory.finish(now))
        self._file(self.desk.finish(now))

    def _count_problems(self, batch: Batch) -> None:
        """Broken frames by kind. A frame may show several; it is malformed once."""
        self.malformed += batch.malformed
        problems = batch.rows["problem"]
        for kind in MALFORMED:
            count = int(np.count_nonzero(problems & kind))
            if count:
                self.problems[kind] = self.problems.get(kind, 0) + count

    # One part of a batch: rows within one second.

    def _part(self, batch: Batch, packets: Packets, start: int, stop: int) -> None:
        changes = self.flows.follow(batch.rows, start, stop)
        chosen = self.selector.select(batch.data, batch.rows, start, stop, self.flows)
        work: list[tuple[int, int, Any]] = self._of_changes(changes) if len(changes) else []
        if len(chosen):
            wanted = batch.rows["wanted"][chosen].tolist()
            work.extend(zip(chosen.tolist(), (_DISSECT,) * len(wanted), wanted, strict=True))
        work.sort(key=itemgetter(0, 1))
        for index, task, what in work:
            if task == _DISSECT:
                self._dissect(packets.at(index), what)
            else:
                self._perform(task, what)

    def _of_changes(self, changes: npt.NDArray[np.void]) -> list[tuple[int, int, Any]]:
        """The few changes that somebody looks at, as tasks by row."""
        row_of = changes["row"]
        ended = np.flatnonzero((changes["kind"] == Change.ENDED) & (changes["spare"] > 0))
        work: list[tuple[int, int, Any]] = [(int(row_of[i]), _END_STREAM, changes[i]) for i in ended]
        work += [(int(row_of[i]), _SIGHT, sighting) for i, sighting in self.sightings.fresh(changes)]
        for detector in self._flow_detectors:
            candidates, _ = self.boundary.run(detector.id, detector.candidates, changes)
            work += [(int(row_of[i]), _JUDGE, (detector, changes[i], numbers)) for i, numbers in candidates]
        return work

    def _perform(self, task: int, what: Any) -> None:
        if task == _JUDGE:
            detector, change, numbers = what
            alerts, _ = self.boundary.run(detector.id, detector.judge, flow_of(change), numbers)
            self._raise(alerts)
        elif task == _SIGHT:
            self.inventory.sight(*what)
        else:
            self._end_streams(int(what["flow"]))

    # Dissection.

    def _dissect(self, packet: Packet, wanted: int) -> None:
        if packet.fragment and packet.proto != TCP:
            whole = self.fragments.add(packet)
            if whole is None:
                return
            packet = whole
        bit = 0
        while wanted:
            if wanted & 1:
                name, unit = self._dissectors[bit]
                if packet.proto == TCP and packet.ip_version:
                    self._feed(packet, bit, name, unit)
                else:
                    self.selected += 1
                    said, _ = self.boundary.run(name, unit.dissect, packet, packet=packet)
                    self._hear(said)
            wanted >>= 1
            bit += 1

    def _feed(self, packet: Packet, bit: int, name: str, unit: Dissector) -> None:
        stream = self.streams.of(packet.flow, bit)
        if stream is None:
            if not packet.payload:
                return
            stream = self.streams.start(packet.flow, bit, unit.stream(packet))
        if not isinstance(stream, Assembler):
            return
        self.selected += 1
        said, whole = self.boundary.run(name, stream.feed, packet, packet=packet)
        self._hear(said)
        if not whole:
            self.streams.give_up(packet.flow, bit)
            self.flows.unfollow(packet.slot, packet.flow, 1 << bit)

    def _end_streams(self, flow: int) -> None:
        for bit, (name, _) in enumerate(self._dissectors):
            stream = self.streams.end(flow, bit)
            if stream is not None:
                said, _ = self.boundary.run(name, stream.finish)
                self._hear(said)

    def _hear(self, said: Iterable[Said]) -> None:
        observe, watchers = self.inventory.observe, self._watchers
        for one in said:
            if isinstance(one, Observation):
                observe(one)
            else:
                for detector in watchers.get(type(one), ()):
                    alerts, _ = self.boundary.run(detector.id, detector.inspect, one, packet=one.packet)
                    self._raise(alerts)

    # What happens by time.

    def _tick(self, second: int) -> None:
        self._second = second
        now = second * SECOND
        changes = self.flows.sweep(now)
        if len(changes):
            self._by_time(changes)
        self._tell(self.inventory.settle(now))
        self._file(self.desk.tick(now))

    def _by_time(self, changes: npt.NDArray[np.void]) -> None:
        """Changes that no packet made, in the order of the table."""
        changes["row"] = np.arange(len(changes))
        for _, task, what in sorted(self._of_changes(changes), key=itemgetter(0, 1)):
            self._perform(task, what)

    # What goes out.

    def _raise(self, alerts: Iterable[Alert]) -> None:
        for alert in alerts:
            self._file(self.desk.take(alert))

    def _file(self, filed: Iterable[tuple[str, Alert]]) -> None:
        for action, alert in filed:
            self.emit(self.maker.alert(action, alert, self._who(alert.actor), [self._who(target) for target in alert.targets]))

    def _who(self, subject: Subject) -> Any:
        return self.inventory.device(subject)

    def _tell(self, changes: Iterable[Any]) -> None:
        for change in changes:
            self.emit(self.maker.device(change))

    def anomalies(self) -> dict[str, int]:
        """What was broken, by kind: headers by their problem (``network_length``), messages by dissector and fault (``dns: label loop``)."""
        told = {str(kind.name).lower(): count for kind, count in self.problems.items()}
        return told | {f"{unit}: {fault}": count for (unit, fault), count in self.boundary.malformed.items()}

    def report(self) -> dict[str, int]:
        """Counters of the engine since it began."""
        return {
            "decoded": self.decoded,
            "malformed": self.malformed,
            "selected": self.selected,
            "repeats": self.selector.repeats,
            "flows": self.flows.opened,
            "flows_evicted": self.flows.evicted,
        }
