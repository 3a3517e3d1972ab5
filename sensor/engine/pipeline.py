"""The pipeline: decoded batches in, records out. Rows, candidates of flow detectors and sightings are processed in
packet order, so that the log does not depend on how packets were split into batches; timed tasks (aging, settling,
folding) run at each new second of packet time.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

import sensor.derived
from sensor.alerts.processor import AlertProcessor
from sensor.boundary import Boundary
from sensor.core.batch import Batch, Problem
from sensor.core.deriver import Deriver
from sensor.core.detector import Detector, DeviceDetector
from sensor.core.device import DeviceChange
from sensor.core.dissector import Dissector, Parsed
from sensor.core.event import Event, FragmentFault, SenderFlood
from sensor.core.flow import Change, Flow, flow_of
from sensor.core.named_tables import NamedTables, Unit
from sensor.core.packet import Packets
from sensor.core.recent import RecentSet
from sensor.core.time_units import SECOND
from sensor.core.wants import Listener
from sensor.counting.changes import ChangeReader
from sensor.counting.flow_detector import FlowDetector
from sensor.decode.flows import FlowTable
from sensor.decode.kernels import Kernels, Work
from sensor.decode.select import Selector
from sensor.engine.agenda import Agenda
from sensor.engine.dissection import Dissection
from sensor.engine.health import JUMP_S, Finding, Health
from sensor.engine.members import Member, deriving, detecting, listening
from sensor.engine.message_limits import MessageLimits
from sensor.engine.native_messages import NativeMessages
from sensor.engine.subscribers import Dispatcher, Subscribers
from sensor.evidence.gather import Gatherer
from sensor.inventory.inventory import Inventory
from sensor.inventory.service_use import Services
from sensor.inventory.sightings import Sightings
from sensor.native.readers import reading, selected
from sensor.posture.recommendations.advisor import Advisor
from sensor.records.keeping import Keeping
from sensor.registry import units

# Problems caused by the sender or the network, not by the capture.
NO_FAULTS = (Problem.CUT, Problem.LINK_UNKNOWN, Problem.ONE_SIDED, Problem.FOREIGN_RESET, Problem.NESTED_TAG)
MALFORMED = tuple(kind for kind in Problem if kind not in NO_FAULTS)
# Values that the field of a row can have, so that each is an index.
VLAN_VALUES = 1 << 16

# Order of the tasks of one row: the new second, then the packet, facts before detections. Each flow detector has its
# own task number, starting at _EVALUATE.
_SECOND, _DISSECT, _FRAGMENTS, _END_STREAM, _SIGHT, _OFFER, _EVALUATE = range(1, 8)


class Sizes(msgspec.Struct, frozen=True):
    """Sizes of the fixed tables, as powers of two; number of flows dissected at once; bytes of packets kept for
    possible alerts, and of out-of-order segments.
    """

    flow_bits: int = 17
    repeat_bits: int = 15
    conversations: int = 8192
    packets: int = 16 << 20
    held: int = 16 << 20


class Pipeline:
    """One engine. ``emit`` of the alert processor gets each record in order; the pipeline never blocks, sleeps or reads
    a clock. ``evidence`` keeps packets of alerts; ``health`` checks the sensor itself; ``advisor`` makes
    recommendations from events; ``more``: further units, by name, whose evictions are counted. ``named_tables``:
    bounded tables of all units but detectors; ``last``: the latest time of a packet, ns.
    """

    def __init__(
        self, *, dissectors: dict[str, Dissector], detectors: Iterable[Detector], inventory: Inventory,
        alert_processor: AlertProcessor, boundary: Boundary, sizes: Sizes | None = None,
        listeners: Iterable[Listener] = (), evidence: Gatherer | None = None, health: Health | None = None,
        advisor: Advisor | None = None, more: Mapping[str, Unit] | None = None, native: bool = True,
        consumer: Callable[[Iterable[Parsed]], None] | None = None,
    ) -> None:  # fmt: skip
        """``native``: False if Python dissectors, the reference, are to read every message. ``consumer``: gets what
        dissectors yield for a message, in place of the inventory and the detectors.
        """
        self.inventory, self.alert_processor, self.boundary = inventory, alert_processor, boundary
        self.health, self.advisor = health, advisor
        self.maker, self.emit = alert_processor.maker, alert_processor.emit
        self.sizes = sizes = sizes or Sizes()
        repeats = RecentSet(sizes.repeat_bits)
        readers = reading(dissectors, sizes.conversations, sizes.held) if native else None
        selector = Selector(selected(dissectors.values(), readers), repeats)
        self.kernels = Kernels(FlowTable(sizes.flow_bits), selector, readers)
        self.sightings, self.services = Sightings(inventory.networks), Services()
        self.records: Keeping | None = None
        derivers = {name: unit() for name, unit in units(sensor.derived, Deriver).items()}
        self.dispatcher = self._dispatcher(derivers, listeners)
        self._consumed = consumer is not None
        dispatch = consumer or self.dispatcher.dispatch
        recorded = self._dispatch = consumer or self.dispatcher.record_and_dispatch
        self.dissection = Dissection(
            dissectors, boundary, self.kernels.unfollow, recorded, conversations=sizes.conversations, held=sizes.held
        )
        self.native_messages = NativeMessages(
            dispatch, self.dissection.made, inventory.table.novelty, boundary, getattr(self.kernels.reader, "names", ())
        )
        self.keep(evidence)
        self.limits, self._changes = MessageLimits(), ChangeReader(inventory.networks)
        self._members: dict[Detector, list[tuple[type[Event], Member]]] = {}
        self.watch(detectors)
        self.named_tables = self._named_tables(repeats, selector, dissectors, derivers, more or {})
        self._started = self._idle = False
        self._now = self.last = self.malformed = self.decoded = 0
        self.problems: dict[Problem, int] = {}
        self._vlans = np.zeros(VLAN_VALUES, np.bool_)  # by number: whether frames with this tag were decoded

    def _named_tables(self, repeats: RecentSet, selector: Selector, *units: Mapping[str, Unit]) -> NamedTables:
        """The bounded tables of all units but detectors, which may be replaced."""
        tables = NamedTables()
        tables.add("flows", self.kernels.flows)
        tables.add("repeated_messages", repeats)
        tables.add("senders", selector.senders)
        tables.add("deferred_senders", selector.deferred)
        tables.add("head_senders", selector.head_senders)
        tables.add("known_messages", self.native_messages.known_messages.known)
        tables.include("inventory", self.inventory)
        tables.include("alerts", self.alert_processor)
        tables.include("datagrams", self.kernels.datagrams)
        tables.include("sightings", self.sightings)
        tables.include("services", self.services)
        if self.advisor is not None:
            tables.include("recommendations", self.advisor)
        for name, unit in itertools.chain.from_iterable(some.items() for some in units):
            tables.include(name, unit)
        return tables

    def _dispatcher(self, derivers: dict[str, Deriver], listeners: Iterable[Listener]) -> Dispatcher:
        """The dispatcher to inventory, detectors (none yet) and listeners."""
        doubting = Listener("inventory", SenderFlood, lambda _: self.inventory.doubt())
        listened = listening((*listeners, *(self.advisor.listeners() if self.advisor is not None else ()), doubting))
        return Dispatcher(
            self.boundary,
            self.inventory.observe,
            self.alert_processor.take,
            derivers=Subscribers(self.boundary, deriving(derivers)),
            detecting=Subscribers(self.boundary, ()),
            listeners=Subscribers(self.boundary, listened),
        )

    # Parts that may be replaced between two batches.

    def watch(self, detectors: Iterable[Detector]) -> None:
        """Replace the detectors."""
        self.detectors = detectors = list(detectors)
        self._flow_detectors = [detector for detector in detectors if isinstance(detector, FlowDetector)]
        self._device_detectors = [detector for detector in detectors if isinstance(detector, DeviceDetector)]
        self._ticking = [detector for detector in detectors if type(detector).tick is not Detector.tick]
        self._members = {detector: self._members.get(detector) or list(detecting([detector])) for detector in detectors}
        units = self.dispatcher
        units.detecting = Subscribers(self.boundary, itertools.chain(*self._members.values()), units.detecting)
        deciding = () if self._consumed else (units.derivers, units.detecting, units.listeners)
        self.native_messages.subscribe(units.detecting.kinds | units.listeners.kinds, *deciding)

    def keep(self, evidence: Gatherer | None) -> None:
        """Replace the gatherer of alert packets; None: keep no packets."""
        self.evidence = self.alert_processor.evidence = evidence
        self.dissection.keep = evidence.receive if evidence is not None else None
        self.native_messages.keep(evidence)
        if evidence is not None:
            evidence.packets.limit(self.sizes.packets)

    def record(self, records: Keeping) -> None:
        """Keep traffic records, starting with the next batch."""
        self.records = records
        self.dispatcher.record = records.take
        self.native_messages.record = self.dispatcher.record_all
        self.alert_processor.name_flows = records.name_flows

    def rezone(self) -> None:
        """The internal networks changed."""
        self.sightings.rezone(self.inventory.networks)
        self._changes.rezone(self.inventory.networks)

    # Packets.

    def process(self, batch: Batch, work: Work | None = None) -> None:
        """Process one batch. ``work``: the results of the kernels, if they already ran in another thread. The batch's
        rows and bytes are not needed afterwards.
        """
        work = work or self.kernels.run(batch.data, batch.rows)
        batch.data = batch.data if work.data is None else work.data
        if not len(batch):
            self._perform_all(None, work)
            return
        work = self.limits.within(batch.rows, work)
        self.decoded += len(batch)
        tags = batch.rows["vlan"]
        if tags.any():
            self._vlans[tags.astype(np.intp)] = True  # NumPy would convert it in any case, more slowly
        if work.malformed:
            self._count_problems(batch, work.malformed)
        self._started = True
        if self.evidence is not None:
            self.evidence.begin(batch, work.changes)
        self._perform_all(Packets(batch.data, batch.rows), work)
        if self.evidence is not None:
            self.evidence.end()
        self.last = max(self.last, work.newest)

    def tick(self, now: int) -> None:
        """Advance packet time to ``now`` (ns) while no packets arrive."""
        self._idle = True
        self._perform_all(None, self.kernels.idle(now))
        self._idle = False

    def finish(self) -> None:
        """End of all packets: end flows and streams, report everything that is pending."""
        if not self._started:
            return
        now = self._end()
        for part in range(FlowTable.PARTS):
            self._perform_all(None, self.kernels.finish(now, part))
        for sighting in self.sightings.waiting():
            self.inventory.sight(*sighting)
        self._emit_changes(self.inventory.finish(now))
        for detector in self._ticking:
            self.alert_processor.take(self.boundary.run(detector.id, detector.finish, now)[0])
        if self.advisor is not None:
            self.advisor.finish(now)
        self.alert_processor.finish(now)

    def _end(self) -> int:
        """The time at the end: that of the newest packet, unless the clock was set back since."""
        return max(self.last, self._now) if self.last - self._now < JUMP_S * SECOND else self._now + SECOND - 1

    def _count_problems(self, batch: Batch, malformed: int) -> None:
        """Count malformed frames by kind of problem. A frame may have several problems but counts once as malformed."""
        self.malformed += malformed
        problems = batch.rows["problem"]
        for kind in MALFORMED:
            count = int(np.count_nonzero(problems & kind))
            if count:
                self.problems[kind] = self.problems.get(kind, 0) + count

    # The tasks of a batch for Python.

    def _perform_all(self, packets: Packets | None, work: Work) -> None:
        native_messages, evidence, changes = self.native_messages, self.evidence, work.changes
        native_messages.begin(packets, work.messages)

        @functools.cache  # several detectors evaluate the same change
        def flow(at: int) -> Flow:
            return flow_of(changes[at])

        agenda = Agenda(changes, work.ticks)
        agenda.of_rows(_SECOND, work.ticks["row"], work.ticks["second"].tolist())
        if len(changes):
            self._of_changes(changes, agenda)
        unread = work.wanted.nonzero()[0]
        agenda.of_rows(_DISSECT, work.chosen[unread], work.wanted[unread].tolist())
        if work.faults:
            rows, found = zip(*work.faults, strict=True)
            agenda.of_rows(_FRAGMENTS, np.array(rows, np.int32), found)
        for row, after, task, at, what in agenda.due(_DISSECT):
            native_messages.until(row + after)
            if evidence is not None:
                evidence.at(row)
            if task >= _EVALUATE:
                self._evaluate(self._flow_detectors[task - _EVALUATE], flow, at, what)
            elif task == _DISSECT and packets is not None:
                self.dissection.row(packets, row, what)
            elif task == _FRAGMENTS and packets is not None:
                self._dispatch((FragmentFault(self.dissection.made(packets, row), what),))
            else:
                self._perform(task, what)
        native_messages.end()
        if self.records is not None:
            self.boundary.run("records", self.records.batch, packets, work)

    def _of_changes(self, changes: npt.NDArray[np.void], agenda: Agenda) -> None:
        """Add the few changes that a detector reads."""
        if self.health is not None:
            self.health.changes(changes)
        ended = changes["spare"].nonzero()[0]
        ended = ended[changes["kind"][ended] == Change.ENDED]
        agenda.of_changes(_END_STREAM, ended, changes["flow"][ended].tolist())
        _note(agenda, _SIGHT, self.sightings.fresh(changes))
        read = self._changes.read(changes)
        _note(agenda, _OFFER, self.services.fresh(changes))
        quiet = read.without_floods()
        for task, detector in enumerate(self._flow_detectors, _EVALUATE):
            seen = read if detector.floods else quiet
            candidates, _ = self.boundary.run(detector.id, detector.candidates, seen)
            _note(agenda, task, candidates, seen.places)

    def _evaluate(self, detector: FlowDetector, flow: Callable[[int], Flow], at: int, numbers: Any) -> None:
        if detector.is_relevant(numbers):
            alerts, _ = self.boundary.run(detector.id, detector.evaluate, flow(at), numbers)
            self.alert_processor.take(alerts)

    def _perform(self, task: int, what: Any) -> None:
        if task == _SIGHT:
            self.inventory.sight(*what)
        elif task == _OFFER:
            self.inventory.offer(what)
        elif task == _SECOND:
            self._tick(what)
        else:
            self.native_messages.ended(what)
            self.dissection.end(what)

    # Timed tasks.

    def _tick(self, second: int) -> None:
        """Run timed tasks. A second without due tasks costs a few comparisons. If the clock was set back, every unit is
        called.
        """
        now = second * SECOND
        before, self._now = self._now, now
        back = now < before
        if self.health is not None:
            self.emit_findings(self.health.tick(now))
        self._emit_changes(self.inventory.settle(now, idle=self._idle))
        for detector in self._ticking:
            if now >= detector.due or back:
                self.alert_processor.take(self.boundary.run(detector.id, detector.tick, now)[0])
        if self.advisor is not None:
            self.advisor.tick(now)
        self.alert_processor.tick(now)

    # Output.

    def emit_findings(self, findings: Iterable[Finding]) -> None:
        """Report findings about the sensor's own health."""
        for one in findings:
            self.emit(self.maker.sensor("health", one.ts, one.msg, one.severity, check=one.check, **one.facts))

    def _emit_changes(self, changes: Iterable[DeviceChange]) -> None:
        for change in changes:
            self.emit(self.maker.device(change))
            for detector in self._device_detectors:
                self.alert_processor.take(self.boundary.run(detector.id, detector.review, change)[0])

    @property
    def vlans(self) -> list[int]:
        """VLANs of decoded frames (IEEE 802.1Q); frames without a tag have none."""
        found: list[int] = np.flatnonzero(self._vlans[1:]).tolist()
        return [number + 1 for number in found]

    def anomalies(self) -> dict[str, int]:
        """Number of faults by kind: headers by their problem (``network_length``), messages by dissector and fault
        (``dns: label loop``).
        """
        found = {str(kind.name).lower(): count for kind, count in self.problems.items()}
        return found | {f"{unit}: {fault}": count for (unit, fault), count in self.boundary.malformed.items()}

    def report(self) -> dict[str, int]:
        """Counters of the engine since its start."""
        return {
            "decoded": self.decoded,
            "malformed": self.malformed,
            "selected": self.dissection.selected + self.native_messages.parsed,
            "repeats": self.kernels.selector.repeats,
            "shed": self.kernels.selector.shed + self.kernels.datagrams.ignored + self.limits.shed,
            "flows": self.kernels.flows.opened,
            "flows_evicted": self.kernels.flows.evicted,
        }

    def evicted(self) -> dict[str, int]:
        """Number of evictions by bounded table, zeros omitted."""
        return self.named_tables.evicted() | {
            f"{detector.id}.{name}": table.evicted
            for detector in self.detectors
            for name, table in detector.tables
            if table.evicted
        }


def _note(
    agenda: Agenda, task: int, found: Iterable[tuple[int, Any]], places: npt.NDArray[np.intp] | None = None
) -> None:
    """Add what was found in changes to the agenda. ``places``: index of each change within the batch."""
    if found := list(found):
        at, what = zip(*found, strict=True)
        agenda.of_changes(task, at if places is None else places[list(at)], what)
