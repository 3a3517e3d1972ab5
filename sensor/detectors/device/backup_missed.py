"""A large transfer between two internal hosts that always took place at the same time of day is missing: a failed
backup, or a host that is off.

Learned from flows that end: large transfers of the same two hosts and service, at the same time of day, a day apart or
longer. The longest pause ever seen, plus a margin, must pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from statistics import median_low
from typing import Any

import msgspec

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.model import Field
from sensor.core.time_units import DAY, HOUR, SECOND
from sensor.counting.changes import Changes
from sensor.counting.flow_detector import FlowDetector
from sensor.detectors.shared.hosts import client_of, network_of, server_of, who

MEGABYTE = 1_000_000
PAIRS_LIMIT, RUNS_KEPT = 2048, 16
# Flows that begin within ONE_RUN are one run; runs are about a day apart.
ONE_RUN, APART = 6 * HOUR, 20 * HOUR
# A run is missed after the longest pause multiplied by PATIENCE, plus MARGIN.
PATIENCE, MARGIN = 1.2, HOUR
LOOK_EVERY = 600 * SECOND


class Options(detector.Options):
    """Criteria of a backup."""

    megabytes: int = Field(100, ge=1, description="minimum size of a flow of a backup, both directions, in megabytes")
    runs: int = Field(5, ge=3, le=RUNS_KEPT, description="number of earlier runs")
    spread_s: int = Field(
        1800, ge=60, le=21600, description="seconds by which the time of day of a run may differ from the median"
    )


class BackupRuns(msgspec.Struct):
    """Start times of the runs of a pair, latest last; the last flow; whether the absence was reported."""

    starts: tuple[int, ...]
    flow: Flow
    reported: bool = False


class BackupMissed(FlowDetector):
    """Watches large flows that ended; looks for overdue runs every ten minutes."""

    title = "Missed backup"
    severity = Severity.low
    techniques = ()
    advice = (
        "Check the log of the backup program and whether both hosts are up. If a backup was stopped on "
        "purpose, find out by whom."
    )
    false_positives = "A backup that was moved to another time or host; a holiday on which it does not run."
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._pairs: Bounded[tuple[int, int, int], BackupRuns] = self.tables.add("pairs", Bounded(PAIRS_LIMIT))
        self._looked = 0

    def candidates(self, changes: Changes) -> Iterable[tuple[int, None]]:
        ended = changes.of(Change.ENDED)
        size = ended.rows["client_bytes"] + ended.rows["server_bytes"]
        return [(at, None) for at in ended.at[size >= self.options.megabytes * MEGABYTE].tolist()]

    def evaluate(self, flow: Flow, numbers: None) -> Iterator[Alert]:
        inside = self.context.networks.inside
        if inside(flow.client) and inside(flow.server):
            key = (flow.client, flow.server, flow.server_port)
            runs = self._pairs.get(key)
            starts = runs.starts if runs is not None else ()
            if not starts or flow.first - starts[-1] > ONE_RUN:
                starts = (*starts, flow.first)[-RUNS_KEPT:]
            self._pairs.put(key, BackupRuns(starts, flow))
        return iter(())

    def tick(self, now: int) -> Iterator[Alert]:
        if abs(now - self._looked) < LOOK_EVERY:
            return
        self._looked, self.due = now, now + LOOK_EVERY
        for runs in self._pairs.values():
            if not runs.reported and (due := self._due(runs)) and now > due:
                runs.reported = True
                yield self._missed(runs, due, now)

    def _due(self, runs: BackupRuns) -> int:
        """Latest expected start of the next run; 0 if these are not backups."""
        starts = runs.starts
        if len(starts) < self.options.runs:
            return 0
        pauses = _pauses(starts)
        middle = median_low(start % DAY for start in starts)
        away = max(min(abs(start % DAY - middle), DAY - abs(start % DAY - middle)) for start in starts)
        if min(pauses) < APART or away > self.options.spread_s * SECOND:
            return 0
        return starts[-1] + int(max(pauses) * PATIENCE) + MARGIN

    def _missed(self, runs: BackupRuns, due: int, now: int) -> Alert:
        flow, starts = runs.flow, runs.starts
        actor, target = client_of(flow), server_of(flow)
        late = (now - starts[-1]) / HOUR
        alert = self.alert(
            flow,
            actor=actor,
            target=target,
            summary=(
                f"{who(self.context, actor)} did not start its usual backup to {who(self.context, target)}: "
                f"the last one began {late:.0f} h ago"
            ),
            why=(
                (
                    f"{len(starts)} earlier runs at the same time of day, at most {max(_pauses(starts)) / HOUR:.0f} "
                    "h apart"
                ),
                (
                    f"the last one transferred {(flow.client_bytes + flow.server_bytes) / MEGABYTE:.0f} MB over "
                    f"{PROTOCOLS.get(flow.proto, '')}/{flow.server_port}"
                ),
            ),
            numbers={"hours": round(late, 1), "threshold": round((due - starts[-1]) / HOUR, 1), "runs": len(starts)},
            key=(target.address, flow.server_port),
            confidence=0.7,
            target_port=flow.server_port,
            network=network_of(self.context, flow),
        )
        alert.ts = now  # the evidence is old; the absence is current
        return alert


def _pauses(starts: tuple[int, ...]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(starts)]
