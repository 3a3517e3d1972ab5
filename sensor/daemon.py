"""One run of the sensor: a thread that reads ahead and runs the kernels, the engine, and the event log.

Reading and kernels do without the interpreter's lock, so they overlap with the engine (``read_ahead.py``).
"""

from __future__ import annotations

import contextlib
import gc
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sensor.alert_files import AlertFiles
from sensor.assembly import assemble
from sensor.boundary import Fault
from sensor.capture.source import Source
from sensor.config import Config
from sensor.core.addresses import text
from sensor.core.batch import Batch
from sensor.core.record import Record
from sensor.core.record_parts import time_text
from sensor.decode.kernels import Work
from sensor.eventlog.live_log import LiveLog
from sensor.eventlog.writer import EventLog
from sensor.health import Finding, Health
from sensor.intel.renewer import Renewer
from sensor.intel.store import ThreatLists
from sensor.keeper import Keeper
from sensor.logs import log
from sensor.quarantine import write_quarantine
from sensor.read_ahead import ReadAhead
from sensor.rules.load import Rules
from sensor.shedding import Shedder
from sensor.upstream import Outputs

HANDOVER_S = 0.0001
GARBAGE = (200_000, 20, 50)
SUMMARY_EVERY_S = 60
# Seconds between two looks at what the operator wrote.
LOOK_EVERY_S = 1.0
SHAPES_TOLD, SAMPLES_TOLD, SAMPLE_BYTES = 32, 8, 32


@contextlib.contextmanager
def unhurried() -> Iterator[None]:
    """Within, the interpreter hands its lock over quickly, for the kernels' thread needs it rarely and briefly, and looks for garbage rarely.

    We make no reference cycles worth the name, and what the inventory holds would be walked again and again.
    """
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    gc.freeze()
    sys.setswitchinterval(HANDOVER_S)
    gc.set_threshold(*GARBAGE)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


class Run:
    """Everything of one run. ``listener`` hears each record after the log has it; ``progress`` is called after each batch.

    ``keeper`` writes the inventory down; the run ends it. ``mutes``: file of what the operator wants no alerts of; ``evidence``: folder for their packets;
    ``intel``: threat lists beside the configured ones and those in the folder ``lists``; ``rules``: files and folders of rules.
    """

    def __init__(
        self, config: Config, source: Source, log: EventLog | LiveLog, *, intel: Sequence[Path] = (), live: bool = False,
        listener: Callable[[Record], None] | None = None, progress: Callable[[], None] | None = None, keeper: Keeper | None = None,
        mutes: Path | None = None, evidence: Path | None = None, lists: Path | None = None, rules: Sequence[Path] = (),
    ) -> None:  # fmt: skip
        self.source, self.log, self.live = source, log, live
        self._listener, self._progress, self._keeper = listener, progress, keeper
        self.files = AlertFiles(log.path, mutes=mutes, evidence=evidence, mib=config.evidence.mib, clock=time.time if live else None, complain=_warn)
        self.health = Health(source.names, live=live)
        self.shedder = Shedder() if live else None
        self._outputs = Outputs([name for name, options in config.outputs.items() if options.enabled], time.time()) if live else None
        self._lists = Renewer(ThreatLists(intel, more=config.intel, folder=lists))
        self.rules = Rules(rules)
        self.pipeline = assemble(
            config, self._emit, lists=self._lists.lists, rules=self.rules, report=_report, complain=_complain, keeper=keeper,
            mutes=self.files.mutes, muted=self.files.muted, evidence=self.files.gatherer, health=self.health,
        )  # fmt: skip
        self.first = self.last = 0
        self._begun = False
        self._damages = 0
        self._next_summary = time.monotonic() + SUMMARY_EVERY_S
        self._next_look = time.monotonic()

    def _emit(self, record: Record) -> None:
        self.log.write(record)
        if self._listener is not None:
            self._listener(record)

    def run(self) -> None:
        """Until the source ends or is stopped. What was found so far is told and the log is whole, whatever happens."""
        if self.live:
            self._begin(time.time_ns())
            self.log.flush()
        reader = ReadAhead(self.source, self.pipeline.kernels, self.shedder)
        try:
            with unhurried():
                for batch, work in reader:
                    self._take(batch, work)
        except BaseException:
            reader.abandon()
            raise
        finally:
            self._end()

    def _begin(self, ts: int) -> None:
        self._begun = True
        self._say("started", ts, f"{'listening on' if self.live else 'reading'} {self.source.name}")
        self._tell_refused(ts, "threat lists", [str(fault) for fault in self._lists.lists.unread])
        self._tell_refused(ts, "faults in rules", [str(fault) for fault in self.rules.faults])

    def _take(self, batch: Batch, work: Work) -> None:
        if len(batch):
            times = batch.rows["ts"]
            if not self.pipeline.decoded:
                self.first = self.last = int(times[0])
            if not self._begun:
                self._begin(self.first)
            self.last = max(self.last, int(np.max(times)))
            if self.live:
                self.health.heard(batch.rows["source"], time.monotonic())
        self.pipeline.process(batch, work)
        batch.release()
        if self._keeper is not None:
            self._keeper.tick(self._now())
        if self.live or not len(batch):  # whoever reads along waits for it
            self.log.flush()
        if self.live:
            self._watch()
        if self._progress is not None:
            self._progress()

    def _end(self) -> None:
        try:
            self._last_words()
        finally:
            self.files.close()
            self._lists.close()
            if self._keeper is not None:
                self._keeper.end()

    def _last_words(self) -> None:
        if not self._begun:
            self._begin(self.last)
        self.pipeline.finish()
        self._tell_figures()
        self._tell_log()
        self._quarantine()
        self._summary()
        self._say("stopped", self._now(), f"stopped after {self.source.tally.packets:,} packets")
        self.log.flush()

    def _watch(self) -> None:
        """Live: what is lost is stamped on what is found, and looked at once a minute; what is wrong with an interface is told at once."""
        tally = self.source.tally
        self.pipeline.maker.loss = tally.lost / max(tally.lost + tally.packets, 1)
        for damage in self.source.damages[self._damages :]:
            log().warning(str(damage))
            self._damages += 1
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_EVERY_S
            self.files.watch(self.pipeline.room, self._now())
            self.pipeline.tell(self.health.look(self._now(), time.monotonic()))
            self._tell_log()
            self._renew_lists()
        if time.monotonic() < self._next_summary:
            return
        self._next_summary = time.monotonic() + SUMMARY_EVERY_S
        self._summary()
        self._tell_figures()
        self._tell_outputs()

    def _tell_outputs(self) -> None:
        """Whether what is found gets away: another process delivers it, and says how it fares beside the log."""
        if self.log.path is not None and self._outputs is not None:
            self.pipeline.tell(self.health.upstream(self._outputs.look(self.log.path, time.time()), self._now()))

    def _tell_log(self) -> None:
        """What went wrong with the log itself: what an earlier run left damaged, what was given up while the disk took nothing."""
        if isinstance(self.log, LiveLog):
            self.pipeline.tell(Finding(*one) for one in self.log.news(self._now()))

    def _tell_figures(self) -> None:
        self.pipeline.tell(self.health.figures(self.source.tally, self._now(), time.monotonic(), self._unread))

    @property
    def _unread(self) -> int:
        """Messages that there was no time for."""
        return self.shedder.shed if self.shedder is not None else 0

    def _renew_lists(self) -> None:
        """Lists that changed are read in a thread of their own, and count once they are whole."""
        refused = self._lists.look()
        if refused is None:
            return
        lists = self._lists.lists
        msg = f"threat lists read again: {len(lists):,} entries in {len(lists.sizes):,} lists"
        self._emit(self.pipeline.maker.sensor("config", self._now(), msg, entries=len(lists), lists=len(lists.sizes)))
        for line in refused:
            _warn(line)
        self._tell_refused(self._now(), "threat lists", refused)

    def _tell_refused(self, ts: int, what: str, refused: list[str]) -> None:
        """What of the operator's is left out is told in the log as well: it outlives the terminal."""
        if refused:
            self._emit(self.pipeline.maker.sensor("health", ts, f"{len(refused):,} {what} left out: {refused[0]}", "low", left_out=refused[:SHAPES_TOLD]))

    def _now(self) -> int:
        return time.time_ns() if self.live else self.last

    def _say(self, action: str, ts: int, msg: str) -> None:
        self._emit(self.pipeline.maker.sensor(action, ts, msg))

    def _summary(self) -> None:
        capture = self.summary()
        counts = ", ".join(f"{capture[name]:,} {name}" for name in ("packets", "flows", "dropped", "malformed"))
        self._emit(self.pipeline.maker.summary(self._now(), f"{self.source.name}: {counts}", capture))

    def summary(self) -> dict[str, Any]:
        """The object ``capture`` of the summary record."""
        tally, report = self.source.tally, self.pipeline.report()
        told: dict[str, Any] = {
            "source": self.source.name,
            "packets": tally.packets,
            "bytes": tally.bytes,
            "wire_bytes": tally.wire_bytes,
            "decoded": report["decoded"] - report["malformed"],
            "malformed": report["malformed"],
            "truncated": tally.truncated,
            "dropped": tally.lost,
            "selected": report["selected"],
            "repeats": report["repeats"],
            "shed": report["shed"] + self._unread,
            "flows": report["flows"],
            "flows_evicted": report["flows_evicted"],
            "duration_s": round((self.last - self.first) / 1e9, 6),
            "linktypes": dict(tally.linktypes),
        }
        return told | self._particulars()

    def _particulars(self) -> dict[str, Any]:
        """What is told only where there is something to tell."""
        tally, room = self.source.tally, self.pipeline.room
        muted = {name: count for name, count in room.mutes.counts.items() if count}
        lost = {name: count for name, count in tally.dropped.items() if count} if tally.lost else {}
        faults = [f"{fault.unit}: {fault.error} in {fault.place}, {fault.count} times" for fault in self.pipeline.boundary.faults.values()]
        told: dict[str, Any] = {name: value for name, value in self.pipeline.inventory.telemetry().items() if name in ("devices", "pending")}
        found = {
            "muted": dict(list(muted.items())[:SHAPES_TOLD]),
            "below": room.below,
            "evidence_dropped": self.files.dropped,
            "log_given_up": self.log.lost.total() if isinstance(self.log, LiveLog) else 0,
            "log_shortened": self.log.shortened if isinstance(self.log, LiveLog) else 0,
            "health": dict(self.health.told),
            "anomalies": dict(sorted(self.pipeline.anomalies().items())[:SHAPES_TOLD]),
            "samples": self._samples(),
            "dropped_by": lost,
            "damages": [str(damage) for damage in list(self.source.damages)[:SHAPES_TOLD]],
            "faults": faults[:SHAPES_TOLD],
        }
        return told | {name: value for name, value in found.items() if value}

    def _samples(self) -> list[str]:
        """One message for each of the first few faults: when, from whom to whom, and how it begins."""
        samples = list(self.pipeline.boundary.samples.items())[:SAMPLES_TOLD]
        return [
            f"{unit}: {fault}, {time_text(packet.ts)} {text(packet.src)} > {text(packet.dst)}: {packet.payload[:SAMPLE_BYTES].hex()}"
            for (unit, fault), packet in samples
        ]

    def _quarantine(self) -> None:
        """Packets that broke one of our units, beside the log, for whoever mends it."""
        packets = [fault.packet for fault in self.pipeline.boundary.faults.values() if fault.packet is not None]
        if packets and self.log.path is not None:
            write_quarantine(self.log.path.with_suffix(".quarantine.pcap"), packets)


def _complain(line: str) -> None:
    log().warning("left out", line=line)


def _warn(line: str) -> None:
    log().warning(line)


def _report(fault: Fault) -> None:
    log().error("a unit of the sensor broke; its packet was set aside", unit=fault.unit, error=fault.error, place=fault.place)
