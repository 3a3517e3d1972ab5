"""A target, or with IPv4 the /24 around it, gets more new flows than it answers, from many sources: SYN, UDP and ping floods.

One finding a target block, however many sources there are: they are made up, so they are counted roughly and never kept. What one source does to many is a
scan, not a flood.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pydantic import Field

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.changes import MARKS, Changes, Floods
from sensor.core.detector import Context, FlowDetector
from sensor.core.flow import Flow
from sensor.detectors._words import PROTOCOLS, client_of, network_of, server_of, who


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
    floods = True
    advice = (
        "Limit new connections to the target (SYN cookies, rate limits) and ask the provider to filter upstream. "
        "Source addresses are likely forged: do not block by them."
    )
    false_positives = "A popular service that went down while its clients keep trying; the port of a peer-to-peer program that was stopped."
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._floods = Floods(self.options.flows, math.floor(MARKS * (1 - math.exp(-self.options.sources / MARKS))))

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        rows = changes.contacts
        return [(int(rows["row"][i]), Finding(flows, _estimate(marks))) for i, flows, marks in self._floods.found(rows)]

    def judge(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        if not addresses.is_host(flow.server):
            return
        target, proto = server_of(flow), PROTOCOLS.get(flow.proto, str(flow.proto))
        block = f"{addresses.text(flow.server & ~0xFF)}/24" if addresses.is_v4(flow.server) else addresses.text(flow.server)
        others = f" or others in {block}" if addresses.is_v4(flow.server) else ""
        alert = self.alert(
            flow,
            actor=client_of(flow),
            target=target,
            summary=f"{proto} flood against {who(self.context, target)}{others}: {numbers.flows} flows a minute without an answer",
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
