"""SYN, UDP and ICMP floods: a target, or with IPv4 its /24, receives more new flows than it answers, from many sources.

One alert for each target block, however many sources there are: they are spoofed, so they are estimated and never
stored. One source with many targets is a scan. Counted over a minute, and for sudden floods over a second; floods of IP
protocols without ports (GRE, ESP, IGMP) over a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import ICMP, ICMPV6, PROTOCOLS, SCTP, TCP, UDP, WITH_PORTS
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.counting.changes import MARKS, Changes, Floods
from sensor.counting.contacts import combine, fold
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.rates import RateWindow
from sensor.detectors.shared.hosts import client_of, network_of, server_of, who

BLOCKS_LIMIT = 1024
# By IP protocol: whether its flows are no contacts. The block of an IPv4 address.
PORTLESS = np.ones(256, np.bool_)
PORTLESS[[ICMP, TCP, UDP, ICMPV6, SCTP]] = False
BLOCK = np.uint64(0xFFFFFFFFFFFFFF00)


class Options(detector.Options):
    """When new flows are a flood."""

    flows: int = Field(3000, ge=10, description="threshold: unanswered new flows in a minute")
    burst: int = Field(400, ge=50, description="threshold: unanswered new flows in a second")
    sources: int = Field(40, ge=2, le=150, description="threshold: sources, estimated")


class Finding(NamedTuple):
    """Unanswered flows within so many seconds, and an estimate of their sources."""

    flows: int
    sources: int
    window_s: int
    threshold: int


class Flood(FlowDetector):
    """Counts opened minus answered flows.

    Where answers are not in the capture at all, flows that ended after one to three packets instead.
    """

    title = "SYN, UDP or ICMP flood"
    severity = Severity.high
    techniques = ("T1498.001", "T1499.001", "T1499")
    floods = True
    advice = (
        "Limit new connections to the target (SYN cookies, rate limiting) and ask the provider to filter upstream. "
        "Source addresses are likely spoofed: do not block them."
    )
    false_positives = (
        "A popular service that is down while its clients retry; the port of a peer-to-peer program that was stopped."
    )
    decisive = {"flows": "flows", "burst": "flows"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._marks = math.floor(MARKS * (1 - math.exp(-self.options.sources / MARKS)))
        self._floods = self.tables.include("floods", Floods(self.options.flows, self._marks))
        self._bursts = self.tables.add("bursts", RateWindow(SECOND))
        self._others = self.tables.add("others", RateWindow(SECOND))
        self._burst: Recent[tuple[int, int]] = self.tables.add("burst", Recent(BLOCKS_LIMIT, 60 * SECOND))

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        rows, want = changes.contacts, self.options
        found = [(i, Finding(flows, _estimate(marks), 60, want.flows)) for i, flows, marks in self._floods.found(rows)]
        # Within a second, unanswered flows and visibility of answers are unknown: opened flows count, and answered ones
        # are subtracted.
        steps = (rows["kind"] == Change.NEW).astype(np.int8) - (rows["kind"] == Change.ANSWERED)
        bursts = self._bursts.follow(rows["block"], rows["client"], rows["ts"], steps, want.burst, self._marks)
        found += [(i, Finding(flows, _estimate(marks), 1, want.burst)) for i, flows, marks in bursts]
        return [*((int(rows["row"][i]), finding) for i, finding in sorted(found)), *self._portless(changes.rows)]

    def _portless(self, rows: npt.NDArray[np.void]) -> Iterator[tuple[int, Finding]]:
        """The same within a second for flows of IP protocols without ports."""
        at = np.flatnonzero(
            PORTLESS[rows["proto"]] & ((rows["kind"] == Change.NEW) | (rows["kind"] == Change.ANSWERED))
        )
        if not len(at):
            return
        rows, want = rows.take(at), self.options
        servers, clients = fold(rows["server_hi"], rows["server_lo"]), fold(rows["client_hi"], rows["client_lo"])
        keys = combine(np.where(rows["server_hi"], servers, servers & BLOCK), rows["proto"].astype(np.uint64))
        steps = (rows["kind"] == Change.NEW).astype(np.int8) - (rows["kind"] == Change.ANSWERED)
        for i, flows, marks in self._others.follow(keys, clients, rows["ts"], steps, want.burst, self._marks):
            yield int(at[i]), Finding(flows, _estimate(marks), 1, want.burst)

    def evaluate(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        if not addresses.is_host(flow.server):
            return
        if numbers.window_s == 1 and not self._burst.fresh((flow.server & ~0xFF, flow.proto), flow.ts):
            return
        target, proto = server_of(flow), PROTOCOLS.get(flow.proto, "").upper() or f"IP protocol {flow.proto}"
        v4 = addresses.is_v4(flow.server)
        block = f"{addresses.text(flow.server & ~0xFF)}/24" if v4 else addresses.text(flow.server)
        others = f" or others in {block}" if v4 else ""
        each = "minute" if numbers.window_s > 1 else "second"
        alert = self.alert(
            flow,
            actor=client_of(flow),
            target=target,
            summary=(
                f"{proto} flood of {who(self.context, target)}{others}: {numbers.flows} unanswered flows "
                f"within a {each}"
            ),
            why=(
                (
                    f"{numbers.flows} new {proto} flows to {block} within a {each} without an answer "
                    f"(threshold {numbers.threshold})"
                ),
                (
                    f"at least {numbers.sources} sources: the addresses belong to many hosts or are spoofed; the "
                    "actor is one example"
                ),
            ),
            numbers={
                "flows": numbers.flows,
                "window_s": numbers.window_s,
                "threshold": numbers.threshold,
                "sources_at_least": numbers.sources,
                "block": block,
            },
            target_port=flow.server_port if flow.proto in WITH_PORTS else 0,
            network=network_of(self.context, flow),
        )
        alert.key = f"{self.id}|{block}|{proto.lower()}"  # never by source: there are up to a million
        yield alert


def _estimate(marks: int) -> int:
    """Estimated number of sources by linear counting; several hundred when all marks are set."""
    return round(-MARKS * math.log(1 - marks / MARKS)) if marks < MARKS else 5 * MARKS
