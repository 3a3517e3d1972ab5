"""The status of the engine: plain numbers and texts, collected by the engine's own thread about once a second. No other
thread accesses its objects.

Traversals of all devices, open alerts and tables are rare: they take at most a thousandth of the time.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from sensor.alerts.files import AlertFiles
from sensor.alerts.processor import AlertProcessor
from sensor.capture.live import LiveSource
from sensor.capture.packet_ring import PacketRing
from sensor.capture.source import Source
from sensor.core.alert import Severity
from sensor.core.reader import clean
from sensor.core.record import Record
from sensor.engine.health import Health
from sensor.engine.pipeline import Pipeline
from sensor.engine.shedding import Shedder
from sensor.eventlog.live_log import LiveLog
from sensor.eventlog.writer import EventLog
from sensor.intel.store import ThreatLists
from sensor.rules.load import Rules

WALK_EVERY_S, WALK_SHARE = 5.0, 0.001
NEWEST, TEXTS = 16, 8
# Counters exist before their first increment, so that monitors see them rise from 0.
KINDS = ("device", "alert", "incident", "recommendation", "sensor")
SEVERITIES = tuple(Severity.__members__)

Facts = dict[str, Any]


class Watched(NamedTuple):
    """The observed parts of a run. ``rules``, ``outputs`` (names of those that receive events) and ``configuration``
    (state of reloads) may be replaced each time. ``unrecorded``: number of dropped rows of traffic records.
    """

    source: Source
    pipeline: Pipeline
    shedder: Shedder | None
    files: AlertFiles
    log: EventLog | LiveLog
    lists: ThreatLists
    health: Health
    rules: Callable[[], Rules | None]
    outputs: Callable[[], Sequence[str]]
    configuration: Callable[[], Facts] = dict
    unrecorded: Callable[[], int] = int


class Engine:
    """Counts records, and reports the current state. ``began``: seconds since the epoch."""

    def __init__(self, began: float) -> None:
        self.began = began
        self._start = time.monotonic()
        self._records = Counter(dict.fromkeys(KINDS, 0))
        self._opened = Counter(dict.fromkeys(SEVERITIES, 0))
        self._newest: deque[Facts] = deque(maxlen=NEWEST)
        self._next_walk = 0.0
        self._types: Counter[str] = Counter()
        self._open: dict[str, int] = {}
        self._evicted: dict[str, int] = {}

    def take(self, record: Record) -> None:
        """Count a record."""
        self._records[record.kind] += 1
        if record.kind == "alert" and record.action == "open" and isinstance(record.alert, dict):
            self._opened[record.severity] += 1
            if not any(self._open.values()):  # the status would state that none is open
                self._next_walk = 0.0
            alert = {name: record.alert.get(name, "") for name in ("id", "detector")}
            self._newest.appendleft({"ts": record.ts, "severity": record.severity, "msg": record.msg, **alert})

    def facts(self, run: Watched) -> Facts:
        """The current status."""
        self._walk(run)
        return {
            "sensor": _who(run),
            "ts": time.time(),
            "began": self.began,
            "uptime_s": round(time.monotonic() - self._start, 3),
            "interfaces": _interfaces(run.source),
            **_traffic(run),
            "evicted": self._evicted,
            "devices": {**run.pipeline.inventory.telemetry(), "by_type": self._types},
            "alerts": _alerts(run.pipeline.alert_processor) | {"open": self._open, "opened": self._opened},
            "newest": list(self._newest),
            "records": self._records,
            "evidence": {"dropped": run.files.dropped},
            "traffic_records": {"dropped": run.unrecorded()},
            "log": _log(run.log),
            "outputs": list(run.outputs()),
            "intel": _intel(run.lists),
            "rules": _rules(run.rules()),
            "configuration": run.configuration(),
            "health": {"reported": run.health.reported, "lasting": _ongoing(run.health)},
        }

    def _walk(self, run: Watched) -> None:
        clock = time.monotonic()
        if clock < self._next_walk:
            return
        table = run.pipeline.inventory.table
        self._types = Counter(
            one.device.type if one.device is not None else "unknown"
            for one in chain(table.unidentified, table.identified)
        )
        self._evicted = {"flows": 0, "inventory.table": 0} | run.pipeline.evicted()
        self._open = dict.fromkeys(SEVERITIES, 0) | run.pipeline.alert_processor.aggregator.severities()
        took = time.monotonic() - clock
        self._next_walk = clock + max(WALK_EVERY_S, took / WALK_SHARE)


def plain(value: Any) -> Any:
    """A copy with every text cleaned, keys included: file names may have bytes that are not valid text."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {plain(name): plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def _who(run: Watched) -> Facts:
    import platform

    maker = run.pipeline.maker
    return {"id": maker.sensor_id, "site": maker.site, "version": maker.version, "python": platform.python_version()}


def _interfaces(source: Source) -> Facts:
    """Each interface with its counts and losses; for other sources as far as known."""
    dropped = source.tally.dropped
    facts = {name: {"packets": 0, "dropped": dropped.get(name, 0), "returns": 0} for name in source.names}
    if isinstance(source, LiveSource):
        for ring in source.rings:
            facts[ring.name]["packets"] += ring.read
            facts[ring.name]["returns"] += ring.returns
    elif len(facts) == 1:
        facts[source.names[0]]["packets"] = source.tally.packets
    return facts


def _ring_bytes(source: Source) -> int:
    """Memory that the kernel fills with packets: it is mapped, and so counts as resident."""
    rings = source.rings if isinstance(source, LiveSource) else ()
    return sum(ring.shape.blocks * ring.shape.block_size for ring in rings if isinstance(ring, PacketRing))


def _traffic(run: Watched) -> Facts:
    tally, report, boundary = run.source.tally, run.pipeline.report(), run.pipeline.boundary
    shed = report["shed"] + (run.shedder.shed if run.shedder is not None else 0)
    broken: Counter[str] = Counter()
    for (unit, _), count in boundary.malformed.items():
        broken[unit] += count
    faults: Counter[str] = Counter()
    for fault in boundary.faults.values():
        faults[fault.unit] += fault.count
    return {
        "traffic": {
            "packets": tally.packets, "bytes": tally.bytes, "wire_bytes": tally.wire_bytes,
            "truncated": tally.truncated, "dropped": tally.lost,
            "malformed": report["malformed"], "selected": report["selected"], "repeats": report["repeats"],
            "shed": shed,
            "backlog": run.source.backlog(), "ring_bytes": _ring_bytes(run.source),
            "damages": [str(one) for one in run.source.damages[-TEXTS:]],
        },
        "flows": {"opened": report["flows"], "open": run.pipeline.kernels.flows.active},
        "malformed": broken,
        "faults": faults,
    }  # fmt: skip


def _alerts(alert_processor: AlertProcessor) -> Facts:
    counts = {
        "folded": alert_processor.aggregator.folded,
        "muted": sum(alert_processor.mutes.counts.values()),
        "below": alert_processor.below,
        "dropped": alert_processor.aggregator.dropped,
    }
    return counts | {"incidents": len(alert_processor.incidents)}


def _log(log: EventLog | LiveLog) -> Facts:
    facts: Facts = {"path": str(Path(log.path).absolute()) if log.path is not None else ""}
    if isinstance(log, LiveLog):
        facts |= log.telemetry()
        facts["given_up"] = dict.fromkeys(KINDS, 0) | facts["given_up"]
    return facts


def _intel(lists: ThreatLists) -> Facts:
    left_out = [str(one) for one in (*lists.unread, *lists.faults)[:TEXTS]]
    return {**lists.telemetry(), "why": left_out}


def _rules(rules: Rules | None) -> Facts:
    if rules is None:
        return {"used": 0, "faults": 0, "why": []}
    return {"used": len(rules.made), "faults": len(rules.faults), "why": [str(one) for one in rules.faults[:TEXTS]]}


def _ongoing(health: Health) -> Facts:
    return {
        name: {"since": since, "severity": one.severity, "msg": one.msg}
        for name, (since, one) in health.ongoing.items()
    }
