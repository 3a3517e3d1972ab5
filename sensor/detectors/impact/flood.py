"""A target, or the /24 (IPv6: /64) around it, gets more new flows than it answers, from many sources: SYN, UDP and ping floods.

One finding a target block, however many sources there are: they are made up, so they are counted roughly and never kept. What one source does to many is a
scan, not a flood.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context, FlowDetector
from sensor.core.flow import Change, Flow
from sensor.core.windows import RateWindow, combine, fold
from sensor.detectors._contacts import LONE_PACKETS, TCP, Outcomes
from sensor.detectors._words import PROTOCOLS, client_of, network_of, server_of, who

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
MARKS = 64
V4_BLOCK = ~0xFF & 2**64 - 1


class Options(detector.Options):
    """When so many new flows are a flood."""

    flows: int = Field(3000, ge=10, description="new flows without an answer in a minute that are a flood")
    sources: int = Field(40, ge=2, le=150, description="different sources at least, estimated")


class Finding(NamedTuple):
    """Flows without an answer in the last minute, and an estimate of their sources."""

    flows: int
    sources: int


class Flood(FlowDetector):
    """Counts flows opened less flows answered. Where answers are not in the capture at all, flows that ended after a packet or three instead."""

    title = "Flood"
    severity = Severity.high
    techniques = ("T1498.001", "T1499")
    advice = (
        "Limit new connections to the target (SYN cookies, rate limits) and ask the provider to filter upstream. "
        "Source addresses are likely forged: do not block by them."
    )
    false_positives = "A popular service that went down while its clients keep trying; the port of a peer-to-peer program that was stopped."
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._outcomes = Outcomes()
        self._rates = RateWindow(MINUTE)
        self._spread = math.floor(MARKS * (1 - math.exp(-self.options.sources / MARKS)))

    def candidates(self, changes: npt.NDArray[np.void]) -> Iterable[tuple[int, Finding]]:
        kind, proto = changes["kind"], changes["proto"]
        lit = self._outcomes.lit(changes)
        lone = (kind == Change.ENDED) & ~lit & (proto == TCP) & (changes["answered"] == 0) & (changes["client_packets"] <= LONE_PACKETS)
        steps = ((kind == Change.NEW) & lit | lone).astype(np.int8)
        steps[(kind == Change.ANSWERED) & (changes["client_packets"] > 0) & (changes["ts"] - changes["first"] < MINUTE)] = -1
        rows = np.flatnonzero(steps)
        if not len(rows):
            return []
        picked = changes[rows]
        v4 = picked["server_hi"] == 0
        blocks = np.where(v4, picked["server_lo"] & np.uint64(V4_BLOCK), picked["server_hi"])
        keys = combine(blocks, picked["proto"].astype(np.uint64))
        sources = fold(picked["client_hi"], picked["client_lo"])
        found = self._rates.follow(keys, sources, np.ascontiguousarray(picked["ts"]), steps[rows], self.options.flows, self._spread)
        return [(int(rows[i]), Finding(flows, _estimate(marks))) for i, flows, marks in found]

    def judge(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        if not addresses.is_host(flow.server):
            return
        target, proto = server_of(flow), PROTOCOLS.get(flow.proto, str(flow.proto))
        block = f"{addresses.text(flow.server & ~0xFF)}/24" if addresses.is_v4(flow.server) else f"{addresses.text(flow.server >> 64 << 64)}/64"
        alert = self.alert(
            flow,
            actor=client_of(flow),
            target=target,
            summary=f"{proto} flood against {who(self.context, target)} or others in {block}: {numbers.flows} flows a minute without an answer",
            why=(
                f"{numbers.flows} new {proto} flows to {block} within a minute had no answer; counts from {self.options.flows} on",
                f"they came from at least {numbers.sources} sources, so the source addresses are many machines' or forged; the one named here is an example",
            ),
            numbers={"flows_per_minute": numbers.flows, "threshold": self.options.flows, "sources_at_least": numbers.sources, "block": block},
            target_port=flow.server_port if flow.proto in (6, 17) else 0,
            network=network_of(self.context, flow),
        )
        alert.key = f"{self.id}|{block}|{proto}"  # never by source: there are a million of them
        yield alert


def _estimate(marks: int) -> int:
    """How many sources set so many of the marks (linear counting); a full house says several hundred."""
    return round(-MARKS * math.log(1 - marks / MARKS)) if marks < MARKS else 5 * MARKS
