"""Sweeps: one source contacts many hosts for the first time.

The first round of monitoring looks the same. A sweep by an internal host is therefore reported with low severity, and
with its own after the time in which monitoring contacts the same hosts again, unless most of them were: at least three
times, at regular intervals. Fixed-function devices monitor nothing, and services with which intruders spread are not
monitored on many hosts: their sweeps have their severity at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import NEVER, Context
from sensor.core.flow import Flow
from sensor.core.model import Field
from sensor.core.time_units import DAY, SECOND
from sensor.counting.contacts import combine
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.rounds import Rounds
from sensor.counting.windows import DistinctWindow
from sensor.detectors.shared.addresses import counted
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks

SWEEPS_LIMIT = 256
# How long a contacted host is remembered: a monthly check is known.
MEMORY = 40 * DAY
# Rounds that make contacts regular, and the share of hosts that has to be contacted so: some may be off.
ROUNDS, SHARE = 3, 0.8


class Options(detector.Options):
    """Options of all sweeps."""

    wait_s: int = Field(
        660,
        ge=0,
        le=7200,
        description="seconds in which monitoring contacts the same hosts three times; until then severity is low",
    )
    exempt: Blocks = Field((), description="addresses and CIDR blocks of your own scanners, monitoring and management")


class Finding(NamedTuple):
    """Number of hosts contacted for the first time, and a sample."""

    hosts: int
    sample: list[int]


class _Sweep(msgspec.Struct):
    """A reported sweep: its first flow, its last finding, when it is evaluated again (ns), and the number of hosts that
    are contacted regularly.
    """

    flow: Flow
    finding: Finding
    until: int
    regular: int = 0


class SweepDetector(FlowDetector):
    """Base of detectors of sweeps: ``sweep`` makes the alert."""

    def __init__(self, context: Context, options: Any = None, *, pairs_bits: int) -> None:
        super().__init__(context, options)
        self._contacted = self.tables.add("contacted", Rounds(MEMORY, pairs_bits))
        # (client, protocol, port) → a sweep that may be monitoring.
        self._waiting: Bounded[tuple[int, int, int], _Sweep] = self.tables.add("waiting", Bounded(SWEEPS_LIMIT))
        self._exempt = AddressBlocks(self.options.exempt)

    def sweep(self, flow: Flow, finding: Finding, severity: Severity, *reasons: str) -> Alert:
        """The alert of a sweep. ``reasons``: further ones."""
        raise NotImplementedError

    def severity_of(self, flow: Flow) -> Severity:
        """The severity of a sweep that is not monitoring."""
        raise NotImplementedError

    def may_be_monitoring(self, flow: Flow) -> bool:
        """Whether monitoring contacts this service on many hosts."""
        return True

    def followed(
        self,
        window: DistinctWindow,
        rows: npt.NDArray[np.int32],
        keys: npt.NDArray[np.uint64],
        servers: npt.NDArray[np.uint64],
        ts: npt.NDArray[np.int64],
    ) -> list[tuple[int, Finding | None]]:
        """The candidates among contacts: sweeps in the window, and contacts that are regular now (None)."""
        _, rounds = self._contacted.follow(combine(keys, servers), ts)
        first, regular = (rounds == 1).nonzero()[0], (rounds == ROUNDS).nonzero()[0]
        found: list[tuple[int, Finding | None]] = [
            (int(rows[first[i]]), Finding(hosts, sample))
            for i, hosts, _, sample in counted(window, keys[first], servers[first], ts[first])
        ]
        return sorted(found + [(at, None) for at in rows[regular].tolist()], key=lambda each: each[0])

    def is_relevant(self, numbers: Finding | None) -> bool:
        return numbers is not None or len(self._waiting) > 0

    def evaluate(self, flow: Flow, numbers: Finding | None) -> Iterator[Alert]:
        key = (flow.client, flow.proto, flow.server_port)
        waiting = self._waiting.get(key)
        if numbers is not None:
            if flow.client not in self._exempt:
                yield self._found(flow, numbers, key, waiting)
        elif waiting is not None:
            waiting.regular += 1

    def _found(self, flow: Flow, finding: Finding, key: tuple[int, int, int], waiting: _Sweep | None) -> Alert:
        """``waiting``: the same sweep with fewer hosts."""
        severity, wait = self.severity_of(flow), self.options.wait_s
        if severity != Severity.medium or not wait or not self.may_be_monitoring(flow):
            return self.sweep(flow, finding, severity)
        if waiting is None:
            waiting = _Sweep(flow, finding, flow.ts + wait * SECOND)
            self._waiting.put(key, waiting)
        waiting.finding, self.due = finding, min(self.due or NEVER, waiting.until)
        reason = f"it may be monitoring: the hosts would be contacted again at regular intervals within {wait} s"
        return self.sweep(flow, finding, Severity.low, reason)

    def tick(self, now: int) -> Iterator[Alert]:
        wait = self.options.wait_s * SECOND
        over = [key for key, one in self._waiting.items() if not 0 < one.until - now <= wait]
        yield from self._evaluated(now, over, "it is not monitoring")
        self.due = min((one.until for one in self._waiting.values()), default=NEVER)

    def finish(self, now: int) -> Iterator[Alert]:
        """Sweeps that were not contacted regularly in the rest of the capture."""
        yield from self._evaluated(now, list(self._waiting), "the capture ended before monitoring would have done so")

    def _evaluated(self, now: int, keys: list[tuple[int, int, int]], verdict: str) -> Iterator[Alert]:
        for key in keys:
            one = self._waiting.pop(key)
            if one is not None and one.regular < SHARE * one.finding.hosts:
                reason = f"{one.regular} hosts were contacted again at regular intervals: {verdict}"
                alert = self.sweep(one.flow, one.finding, self.severity, reason)
                alert.ts = now
                yield alert
