"""Distributed port scan: several sources share the ports of one target, so that none of them tries many.

Counted by target over failed contacts: ports and sources. Over UDP, packets from the port of an amplifier are excluded,
because they are responses of a reflection flood.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context
from sensor.core.flow import Flow
from sensor.core.ip_protocols import PROTOCOLS, TCP, UDP
from sensor.core.model import Field
from sensor.core.recent import RecentSet
from sensor.core.time_units import SECOND
from sensor.counting.changes import FAILED, SERVER_INSIDE, Changes
from sensor.counting.contacts import combine
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.ports import ports_in
from sensor.detectors.shared.amplifiers import AMPLIFIERS
from sensor.detectors.shared.hosts import client_of, network_of, server_of, who

KEY_BITS, PAIR_BITS, REPORTED_BITS = 12, 15, 10
UDP_SERVICES_END = 32768


class Options(detector.Options):
    """When ports and sources are a scan."""

    ports: int = Field(50, ge=10, description="threshold: failed ports of one target, of all sources")
    sources: int = Field(5, ge=3, description="threshold: sources")
    window_s: int = Field(600, ge=60, le=7200, description="time window in seconds")


class Finding(NamedTuple):
    """Ports that failed, and number of sources."""

    ports: int
    sources: int


class DistributedScan(FlowDetector):
    """Watches rejected and unanswered contacts."""

    title = "Distributed port scan"
    severity = Severity.medium
    techniques = ("T1046",)
    advice = (
        "Review the services of the target, and whether a port answered one of the sources. Blocking "
        "single sources does not stop this."
    )
    false_positives = (
        "A server that was moved or is down while many clients look for its services; internet background noise at a "
        "public address."
    )
    decisive = {"ports": "ports"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._ports = self.tables.add("ports", self.window(window, KEY_BITS, PAIR_BITS))
        self._sources = self.tables.add("sources", self.window(window, KEY_BITS, PAIR_BITS))
        self._answers = ports_in(AMPLIFIERS)
        self._reported = self.tables.add("reported", RecentSet(REPORTED_BITS))

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        contacts = changes.contacts
        proto, port = contacts["service"] & 0xFF, contacts["service"] >> 8
        tried = (
            (contacts["op"] == FAILED)
            & ((proto == TCP) | (proto == UDP) & (port < UDP_SERVICES_END) & ~self._answers[contacts["client_port"]])
            & (contacts["flags"] & SERVER_INSIDE > 0)
        )
        at = (tried & ~changes.flooded).nonzero()[0]
        if not len(at):
            return []
        servers, ts = contacts["server"][at], contacts["ts"][at]
        keys = combine(servers, proto[at].astype(np.uint64))
        # Sources return with other ports: their number counts, not this one.
        ports = self._ports.count(keys, port[at].astype(np.uint64), ts, True)
        sources = self._sources.count(keys, contacts["client"][at], ts, True)
        hits = ((ports >= self.options.ports) & (sources >= self.options.sources)).nonzero()[0]
        if not len(hits):
            return []
        hits = hits[
            self._reported.fresh(
                np.ascontiguousarray(keys[hits]), np.ascontiguousarray(ts[hits]), self.options.window_s * SECOND
            )
        ]
        return [(int(contacts["row"][at[i]]), Finding(int(ports[i]), int(sources[i]))) for i in hits]

    def evaluate(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        want, actor, target = self.options, client_of(flow), server_of(flow)
        proto = PROTOCOLS[flow.proto]
        ports = f"{numbers.ports} {proto.upper()} ports"
        alert = self.alert(
            flow,
            actor=actor,
            target=target,
            summary=(
                f"{numbers.sources} sources, including {who(self.context, actor)}, scanned {ports} of "
                f"{who(self.context, target)}"
            ),
            why=(
                f"{ports} rejected or did not answer within {want.window_s} s (threshold {want.ports})",
                f"{numbers.sources} sources (threshold {want.sources})",
            ),
            numbers={
                "ports": numbers.ports,
                "sources": numbers.sources,
                "threshold": want.ports,
                "window_s": want.window_s,
            },
            severity=Severity.medium if self.context.networks.inside(flow.client) else Severity.low,
            confidence=0.75,
            network=network_of(self.context, flow),
        )
        alert.key = f"{self.id}|{addresses.text(flow.server)}|{proto}"
        yield alert
