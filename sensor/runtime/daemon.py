"""One run of the sensor: a thread that reads ahead and runs the kernels, the engine, and the event log.

Reading and kernels release the GIL, so they overlap with the engine (``engine/read_ahead.py``).
"""

from __future__ import annotations

import contextlib
import copy
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sensor.alerts.files import AlertFiles
from sensor.boundary import Fault
from sensor.capture.live import LiveSource
from sensor.capture.source import Source
from sensor.config import Config
from sensor.core.batch import Batch
from sensor.core.phrases import counted
from sensor.core.record import Record
from sensor.decode.kernels import Work
from sensor.doctor.watch import Watch
from sensor.engine.health import Finding, Health
from sensor.engine.read_ahead import ReadAhead
from sensor.engine.shedding import Shedder
from sensor.eventlog.live_log import LiveLog
from sensor.eventlog.writer import EventLog
from sensor.intel.renewer import Renewer
from sensor.intel.store import ThreatLists
from sensor.logs.logs import log
from sensor.posture.profiles.installed import load as load_profiles
from sensor.rules.load import Rules
from sensor.runtime.assembly import Engine
from sensor.runtime.keeper import Keeper
from sensor.runtime.notify import Notifier
from sensor.runtime.process import engine_settings, give_back
from sensor.runtime.quarantine import write_quarantine
from sensor.runtime.recent_loss import RecentLoss, Seen
from sensor.runtime.recording import recording, writing_aside
from sensor.runtime.reload import Parts, Reloader, Settings
from sensor.runtime.summary import SHAPES_LIMIT, Summary
from sensor.runtime.upstream import Outputs
from sensor.telemetry.engine import Watched
from sensor.telemetry.telemetry import Telemetry

if TYPE_CHECKING:
    from sensor.runtime.hunting import Hunting

SUMMARY_EVERY_S = 60
# Seconds between two checks for changes by the operator.
LOOK_EVERY_S = 1.0
# Seconds that the end of a live run may take, and the part reserved for the log: a slow disk must not block the caller.
END_S, LOG_S = 4.2, 1.5
# Devices evaluated with new fingerprints after each batch: a few ms.
REREAD = 64


class Run:
    """One run. ``listener`` gets each record after the log; ``progress`` is called after each batch.

    ``keeper`` saves the inventory; the run closes it. ``mutes``: file of mutes; ``evidence``: folder for packets of
    alerts; ``intel``: threat lists in addition to the configured ones and those in the folder ``lists``; ``rules``:
    files and folders of rules; ``profiles``: folder of installed profiles. Live runs only: ``read`` returns the present
    configuration, ``requested`` whether to reload; ``clock``: ns since the epoch; ``telemetry`` publishes the status of
    the run. ``records``: folder of the traffic records, None if none are kept; ``hunts``: folders of scheduled hunts,
    for live runs.
    """

    def __init__(
        self, config: Config, source: Source, log: EventLog | LiveLog, *, intel: Sequence[Path] = (),
        live: bool = False, listener: Callable[[Record], None] | None = None,
        progress: Callable[[], None] | None = None, keeper: Keeper | None = None, mutes: Path | None = None,
        evidence: Path | None = None, lists: Path | None = None, rules: Sequence[Path] = (),
        read: Callable[[], Settings] | None = None, requested: Callable[[], bool] = lambda: False,
        clock: Callable[[], int] = time.time_ns, telemetry: Telemetry | None = None,
        profiles: Path | None = None, records: Path | None = None, hunts: Sequence[Path] = (),
    ) -> None:  # fmt: skip
        self.source, self.log, self.live, self._clock = source, log, live, clock
        self._listener, self._progress, self._keeper, self._telemetry = listener, progress, keeper, telemetry
        wall = (lambda: clock() / 1e9) if live else None
        self.files = AlertFiles(
            log.path, mutes=mutes, shared=config.alerts.shared_mutes, evidence=evidence, mib=config.evidence.mib,
            clock=wall, complain=_warn,
        )  # fmt: skip
        self.health = Health(source.names, live=live)
        self.shedder, self._recent_loss = Shedder() if live else None, RecentLoss()
        self._outputs = Outputs([name for name, options in config.outputs.items() if options.delivers], clock() / 1e9)
        self._lists = Renewer(ThreatLists(intel, more=config.intel, folder=lists))
        with writing_aside(None if live else records, config, _warn) as aside:
            self.engine = Engine(
                config, self._emit, lists=self._lists.lists, rules=Rules(rules), report=_report, complain=_complain,
                keeper=keeper, log_continues=live, mutes=self.files.mutes, muted=self.files.muted, health=self.health,
                evidence=self.files.gatherer, profiles=load_profiles(profiles),
                secret=secrets.randbits(128) if live else 0,
            )  # fmt: skip
        self.pipeline = self.engine.pipeline
        self.records = recording(records, config, source.names or [source.name], self.pipeline, aside, _warn)
        self.hunting = _hunting(hunts, records, self.engine.rules) if live and self.records and records else None
        self._doctor = self._doctor_of(config)
        self._figures = Summary(source, self.pipeline, self.files, log, self.records)
        self.notifier = Notifier(None if live else {})
        parts = Parts(self.engine, self.files, self._lists.lists, log, self._outputs)
        self.reloader = Reloader(config, parts, read, requested, self.notifier) if read is not None else None
        self._connect()
        self.first = self.last = self._damages = 0
        self._begun, self._end_by = False, 0.0
        self._next_summary = time.monotonic() + SUMMARY_EVERY_S
        self._next_look = time.monotonic()

    def _watched(self) -> Watched:
        """The parts from which the status of the run is read."""
        return Watched(
            self.source, self.pipeline, self.shedder, self.files, self.log, self._lists.lists, self.health,
            rules=lambda: self.engine.rules,
            outputs=lambda: self._outputs.names,
            unrecorded=lambda: self.records.dropped if self.records is not None else 0,
            configuration=lambda: {} if self.reloader is None else msgspec.structs.asdict(self.reloader.state),
        )  # fmt: skip

    def _connect(self) -> None:
        """Connect telemetry and keeper. The inventory is written after the records that it is based on, together with
        the mutes.
        """
        if self._telemetry is not None:
            self._telemetry.watch(self._watched())
        keeper = self._keeper
        if keeper is None:
            return
        if isinstance(self.log, LiveLog):
            keeper.log_down = self.log.sync
        keeper.mutes = lambda: self.files.mutes_file
        if self.log.path is not None and self.live:
            keeper.follow(self.log.path, self.pipeline.alert_processor)

    def _doctor_of(self, config: Config) -> Watch:
        sources, networks = self.source.names, self.engine.world.networks
        return Watch(sources, networks, self._folders, promiscuous=config.capture.promiscuous)

    def _folders(self) -> list[Path]:
        """The folders that this run writes to."""
        return [
            folder for folder in (self.log.path and self.log.path.parent, self.files.evidence) if folder is not None
        ]

    def _emit(self, record: Record) -> None:
        self.log.write(record)
        if self._listener is not None:
            self._listener(record)
        if self._telemetry is not None:
            self._telemetry.take(record)
        if self.records is not None:
            self.records.emit(record)

    def run(self) -> None:
        """Run until the source ends or is stopped. In any case all findings so far are reported and the log is
        complete.
        """
        if self.live:
            self._begin(self._clock())
            self.log.flush()
            self.notifier.ready(f"capturing on {self.source.name}")
        reader = ReadAhead(self.source, self.pipeline.kernels, self.shedder, self._clock)
        try:
            with engine_settings():
                for batch, work in reader:
                    self._take(batch, work)
        except BaseException:
            reader.abandon()
            raise
        finally:
            self._end_by = time.monotonic() + END_S
            with contextlib.closing(self.notifier):
                self.notifier.stopping()
                self._end()

    @property
    def left_s(self) -> float:
        """Seconds left for the end of the run: in a live run some are reserved for the log."""
        return max(LOG_S, self._end_by - time.monotonic())

    def _begin(self, ts: int) -> None:
        self._begun = True
        ring = f", {self.source.sizes}" if isinstance(self.source, LiveSource) and self.source.sizes else ""
        self._emit_event("started", ts, f"{'capturing on' if self.live else 'reading'} {self.source.name}{ring}")
        self._report_refused(ts, "threat lists", [str(fault) for fault in self._lists.lists.unread])
        self._report_refused(ts, "faults in rules", [str(fault) for fault in self.engine.rules.faults])
        self._report_refused(ts, "faults in profiles", [str(fault) for fault in self.engine.profiles.faults])
        if self.hunting is not None:
            self._report_refused(ts, "faults in hunts", [str(fault) for fault in self.hunting.schedule.faults])

    def _take(self, batch: Batch, work: Work) -> None:
        if len(batch):
            if not self.pipeline.decoded:
                self.first = int(batch.rows["ts"][0])
            if not self._begun:
                self._begin(self.first)
            if self.live:
                self.health.received(batch.rows["source"], time.monotonic())
            self._doctor.see(batch.rows, time.monotonic() if self.live else None)
        self.pipeline.process(batch, work)
        self.last = self.pipeline.last
        batch.release()
        if self._keeper is not None:
            self._keeper.tick(self._now())
        if self.live or not len(batch):  # readers of the log wait for it
            self.log.flush()
        if self.live:
            self._serve()
            self._watch()
        if self._progress is not None:
            self._progress()

    def _end(self) -> None:
        try:
            self._finish()
        finally:
            self.files.close()
            self._lists.close()
            if self.hunting is not None:
                self.hunting.close()
            self._close_records()
            if self._keeper is not None:
                self._keeper.end(max(0.0, self.left_s - LOG_S) if self.live else None)

    def _close_records(self) -> None:
        if self.records is not None:
            self.records.missed(self.source.tally.lost, self._unread + self.pipeline.report()["shed"])
            self.records.close(max(0.1, self.left_s - LOG_S) if self.live else None)

    def _finish(self) -> None:
        if not self._begun:
            self._begin(self.last)
        self.pipeline.finish()
        self._report_figures()
        self.pipeline.emit_findings(self._doctor.end_file(self.health, self._now()))
        self._report_log()
        self._quarantine()
        self._summary()
        self._emit_event("stopped", self._now(), f"stopped after {counted(self.source.tally.packets, 'packet')}")
        self.log.flush()

    def _serve(self) -> None:
        """In live runs, between two batches: reload, and notify the service manager. Each processed batch, even an
        empty one, counts as progress.
        """
        if self.reloader is not None:
            for news in self.reloader.look(self._clock() / 1e9):
                self._emit(self.pipeline.maker.sensor("config", self._now(), news.msg, news.severity, **news.facts))
        self.engine.go_on_rereading(REREAD)
        self.notifier.beat(self.log.progress if isinstance(self.log, LiveLog) else None)
        self.notifier.status(self._status)

    def _status(self) -> str:
        """The status in one line."""
        packets, lost = counted(self.source.tally.packets, "packet"), self.source.tally.lost
        devices = counted(self.pipeline.inventory.table.devices, "device")
        alerts = counted(len(self.pipeline.alert_processor.aggregator), "alert")
        counts = [f"{packets}, {lost:,} lost", f"{devices}, {alerts} open"]
        faults = self.reloader.state.faults[:1] if self.reloader is not None else []
        return "; ".join([", ".join(counts), *(f"the configuration is invalid: {fault}" for fault in faults)])

    def _watch(self) -> None:
        """In live runs: losses are noted on findings, and checked once a minute; a fault of an interface is reported at
        once.
        """
        tally, maker = self.source.tally, self.pipeline.maker
        seen = Seen(tally.lost, tally.packets, self._unread, self.pipeline.dissection.selected)
        maker.loss, maker.shed = self._recent_loss.shares(time.monotonic(), seen)
        if self.records is not None:
            self.records.missed(tally.lost, self._unread + self.pipeline.report()["shed"])
        for damage in self.source.damages[self._damages :]:
            log().warning(str(damage))
            self._damages += 1
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_EVERY_S
            self.files.watch(self.pipeline.alert_processor, self._now())
            self.pipeline.emit_findings(self.health.look(self._now(), time.monotonic()))
            self.pipeline.emit_findings(self._doctor.look(self.health, self._now(), time.monotonic()))
            self._report_log()
            self._renew_lists()
            self._hunt()
            if self._telemetry is not None:
                self._telemetry.tick()
        if time.monotonic() < self._next_summary:
            return
        self._next_summary = time.monotonic() + SUMMARY_EVERY_S
        self._summary()
        self._report_figures()
        self._report_outputs()
        give_back()  # memory taken by a burst; takes some ms

    def _report_outputs(self) -> None:
        """Report whether events are delivered: the forwarder, another process, delivers them, and writes its status
        beside the log.
        """
        if self.log.path is not None:
            self.pipeline.emit_findings(
                self.health.upstream(
                    self._outputs.look(self.log.path, self._clock() / 1e9, time.monotonic()), self._now()
                )
            )

    def _report_log(self) -> None:
        """Report faults of the log itself: damage left by an earlier run, records dropped while the disk accepted
        none.
        """
        if isinstance(self.log, LiveLog):
            self.pipeline.emit_findings(Finding(*one) for one in self.log.news(self._now()))

    def _report_figures(self) -> None:
        self.pipeline.emit_findings(self.health.figures(self.source.tally, self._now(), time.monotonic(), self._unread))

    @property
    def _unread(self) -> int:
        """Number of messages left unread for lack of time."""
        return self.shedder.shed if self.shedder is not None else 0

    def _renew_lists(self) -> None:
        """Read changed threat lists in a separate thread; they are used once they are complete."""
        lists = self._lists.lists
        before = copy.copy(lists)
        refused = self._lists.look()
        if refused is None:
            return
        if self.hunting is not None:
            self.hunting.look_back(before, copy.copy(lists))
        msg = f"threat lists loaded again: {len(lists):,} entries in {len(lists.sizes):,} lists"
        self._emit(self.pipeline.maker.sensor("config", self._now(), msg, entries=len(lists), lists=len(lists.sizes)))
        for line in refused:
            _warn(line)
        self._report_refused(self._now(), "threat lists", refused)

    def _hunt(self) -> None:
        """Pass the findings of searches in the traffic records to the alert processor."""
        if self.hunting is None:
            return
        self.hunting.watch(self.engine.rules, self.engine.world.networks)
        found = self.hunting.look(self._now())
        self.pipeline.alert_processor.take(found.alerts)
        for line in found.faults:
            _warn(line)
        self._report_refused(self._now(), "searches of the traffic records", [*found.faults])

    def _report_refused(self, ts: int, what: str, refused: list[str]) -> None:
        """Report errors in the operator's files in the log as well, which is kept longer than terminal output."""
        if refused:
            self._emit(
                self.pipeline.maker.sensor(
                    "health",
                    ts,
                    f"{len(refused):,} {what} skipped: {refused[0]}",
                    "low",
                    left_out=refused[:SHAPES_LIMIT],
                )
            )

    def _now(self) -> int:
        return self._clock() if self.live else self.last

    def _emit_event(self, action: str, ts: int, msg: str) -> None:
        self._emit(self.pipeline.maker.sensor(action, ts, msg))

    def _summary(self) -> None:
        capture = self.summary()
        counts = ", ".join(f"{capture[name]:,} {name}" for name in ("packets", "flows", "dropped", "malformed"))
        self._emit(self.pipeline.maker.summary(self._now(), f"{self.source.name}: {counts}", capture))

    def summary(self) -> dict[str, Any]:
        """The object ``capture`` of the summary record."""
        return self._figures.capture(self.first, self.last, self._unread)

    def _quarantine(self) -> None:
        """Write packets that caused a unit to fail beside the log, for its developer."""
        packets = [fault.packet for fault in self.pipeline.boundary.faults.values() if fault.packet is not None]
        if packets and self.log.path is not None:
            write_quarantine(self.log.path.with_suffix(".quarantine.pcap"), packets)


def _hunting(hunts: Sequence[Path], records: Path, rules: Rules) -> Hunting:
    from sensor.runtime.hunting import Hunting  # a replay needs none of it

    return Hunting(hunts, records, rules)


def _complain(line: str) -> None:
    log().warning("skipped", line=line)


def _warn(line: str) -> None:
    log().warning(line)


def _report(fault: Fault) -> None:
    log().error("a unit failed; its packet was quarantined", unit=fault.unit, error=fault.error, place=fault.place)
