"""Denial of service from one host: connection after connection to one service without an answer, datagrams to one host
from or to ever new ports, or pings without pause.

Many sources are a flood of another kind, many targets are a scan. Source, target and service are fixed here: no working
program continues that fast without an answer. A capture of one direction does not show answers: there it is a weak
indication.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import TCP, UDP
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.counting.changes import Changes
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.rates import RateWindow
from sensor.counting.windows import combine
from sensor.detectors.shared.hosts import client_of, is_fixed_function, network_of, server_of, who

PAIRS_LIMIT = 1024
PING, PING_6 = 1, 58


class Options(detector.Options):
    """When one host is a flood."""

    connections: int = Field(1000, ge=100, description="threshold: unanswered connections of one source to one service")
    window_s: int = Field(10, ge=1, le=600, description="time window in seconds")
    datagrams: int = Field(
        3000, ge=300, description="threshold: unanswered UDP flows of one source to one target, on any ports"
    )
    pings: int = Field(1000, ge=100, description="threshold: ICMP messages of one type of one source to one target")
    pings_per_second: float = Field(50.0, gt=1, description="minimum rate of these messages a second")
    again_s: int = Field(300, ge=10, description="seconds until the same alert may be raised again")
    exempt: tuple[str, ...] = Field((), description="addresses and CIDR blocks of your own load tests")


class Finding(NamedTuple):
    """The number of flows, and whether the capture shows answers."""

    messages: int
    lit: bool


class ServiceFlood(FlowDetector):
    """Counts opened minus answered connections, by source and service; checks ICMP flows when they end."""

    title = "Denial of service by a single host"
    severity = Severity.medium
    techniques = ("T1498.001", "T1499.002", "T1499")
    advice = (
        "Stop the program on the source, or block the source. Limit new connections by source at the "
        "target (SYN cookies, rate limiting)."
    )
    false_positives = (
        "A load test; a client that retries without a pause while its server is down; a flood ping of an administrator."
    )
    decisive = {"connections": "count", "datagrams": "count", "pings": "count"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._rates = self.tables.add("rates", RateWindow(self.options.window_s * SECOND))
        self._datagrams = self.tables.add("datagrams", RateWindow(self.options.window_s * SECOND))
        self._lit = False
        self._reported: Recent[tuple[int, int, int, int]] = self.tables.add(
            "reported", Recent(PAIRS_LIMIT, self.options.again_s * SECOND)
        )
        self._exempt = tuple(addresses.parse_network(block) for block in self.options.exempt)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        rows, want = changes.rows, self.options
        lit = self._lit_until(rows)
        found = self._pings(rows)
        kinds = changes.contacts["kind"]
        contacts = changes.contacts[(kinds == Change.NEW) | (kinds == Change.ANSWERED)]
        protocols = contacts["service"] & 0xFF
        for protocol, window, threshold in (
            (TCP, self._rates, want.connections),
            (UDP, self._datagrams, want.datagrams),
        ):
            rates = _unanswered(contacts[protocols == protocol], window, threshold, by_service=protocol == TCP)
            found += [(row, Finding(count, bool(lit[row]))) for row, count in rates]
        return sorted(found)

    def _lit_until(self, rows: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
        """For each row, whether the capture has shown both directions of a TCP flow by then."""
        if self._lit or not len(rows):
            return np.ones(len(rows), np.bool_)
        both = (rows["client_packets"] > 0) & (rows["server_packets"] > 0) & (rows["proto"] == TCP)
        lit: npt.NDArray[np.bool_] = np.logical_or.accumulate(both)
        self._lit = bool(lit[-1])
        return lit

    def _pings(self, rows: npt.NDArray[np.void]) -> list[tuple[int, Finding]]:
        """The flows of echo requests that ended with too many of them, and too many a second."""
        at = np.flatnonzero((rows["kind"] == Change.ENDED) & ((rows["proto"] == PING) | (rows["proto"] == PING_6)))
        ended, sent = rows[at], rows["client_packets"][at]
        seconds = np.maximum(ended["ts"] - ended["first"], SECOND) / SECOND
        loud = (sent >= self.options.pings) & (sent >= self.options.pings_per_second * seconds)
        return [(int(row), Finding(int(count), True)) for row, count in zip(at[loud], sent[loud], strict=True)]

    def evaluate(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        want, actor, target = self.options, client_of(flow), server_of(flow)
        if not addresses.is_host(flow.server) or any(low <= flow.client <= high for low, high in self._exempt):
            return
        port = 0 if flow.proto == UDP else flow.server_port
        if not self._reported.fresh((flow.client, flow.server, flow.proto, port), flow.ts):
            return
        tcp, counted = flow.proto == TCP, flow.proto in (TCP, UDP)
        threshold = want.connections if tcp else want.datagrams if counted else want.pings
        window = want.window_s if counted else round(_seconds(flow))
        what = f"connections to tcp/{flow.server_port}" if tcp else "UDP datagrams" if counted else "pings"
        how = (
            f"{numbers.messages} {'connections' if tcp else 'UDP flows'} within {window} s without an answer"
            if counted
            else f"{numbers.messages} messages in {window} s"
        )
        yield self.alert(
            flow,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} flooded {who(self.context, target)} with {what}",
            why=(
                f"{how} (threshold {threshold})",
                *([] if numbers.lit else ["the capture shows one direction only: there may be answers"]),
            ),
            numbers={"count": numbers.messages, "threshold": threshold, "window_s": window},
            key=(addresses.text(flow.server), what),
            severity=self._severity(actor, numbers),
            confidence=0.8 if numbers.lit else 0.5,
            target_port=flow.server_port if tcp else 0,
            network=network_of(self.context, flow),
        )

    def _severity(self, actor: Subject, numbers: Finding) -> Severity:
        if not numbers.lit:
            return Severity.low
        return Severity.high if is_fixed_function(self.context, actor) else Severity.medium


def _unanswered(
    contacts: npt.NDArray[np.void], window: RateWindow, threshold: int, *, by_service: bool
) -> Iterator[tuple[int, int]]:
    """(row, number of unanswered flows) where the flows of one source to one service, or to one host, reach the
    threshold.
    """
    if not len(contacts):
        return
    steps = (contacts["kind"] == Change.NEW).astype(np.int8) - (contacts["kind"] == Change.ANSWERED)
    keys = combine(contacts["client"], contacts["server"])
    if by_service:
        keys = combine(keys, contacts["service"].astype(np.uint64))
    for i, count, _ in window.follow(keys, contacts["client"], contacts["ts"], steps, threshold, 1):
        yield int(contacts["row"][i]), count


def _seconds(flow: Flow) -> float:
    return max(flow.ts - flow.first, SECOND) / SECOND
