"""Ping sweep: one source sends ICMP echo requests to many addresses for the first time.

Monitoring pings many addresses too, always the same: only addresses that this source never pinged count, as far as is
remembered, whether they answer or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import ICMP, ICMPV6, PROTOCOLS
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.recent import RecentSet
from sensor.core.time_units import DAY, SECOND
from sensor.counting.changes import Changes
from sensor.counting.contacts import combine
from sensor.counting.flow_detector import FlowDetector
from sensor.detectors.shared.addresses import addresses_in, counted
from sensor.detectors.shared.hosts import client_of, network_of, server_of, severity_of_scan, some, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks

KEY_BITS, PAIR_BITS, PAIRS_BITS = 11, 14, 15


class Options(detector.Options):
    """When pings are a sweep."""

    targets: int = Field(50, ge=5, description="threshold: addresses that one source pinged for the first time")
    window_s: int = Field(120, ge=10, le=3600, description="time window in seconds")
    exempt: Blocks = Field((), description="addresses and CIDR blocks of your own scanners and monitoring")


class Finding(NamedTuple):
    """Number of pinged addresses, and a sample."""

    targets: int
    sample: list[int]


class IcmpSweep(FlowDetector):
    """Watches echo requests, by source."""

    title = "Ping sweep (ICMP)"
    severity = Severity.medium
    techniques = ("T1018",)
    advice = (
        "Identify the program on the source. If it was not planned, review what it did next to the hosts that answered."
    )
    false_positives = (
        "Monitoring and inventory systems on their first day (list them in `exempt`); administrators' network tools."
    )
    decisive = {"targets": "targets"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._targets = self.tables.add("targets", self.window(self.options.window_s * SECOND, KEY_BITS, PAIR_BITS))
        self._targets.rule(threshold=self.options.targets)
        self._contacted = self.tables.add("contacted", RecentSet(PAIRS_BITS))
        self._exempt = AddressBlocks(self.options.exempt)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        contacts, proto = changes.contacts, changes.contacts["service"] & 0xFF
        requested = (contacts["kind"] == Change.NEW) & ((proto == ICMP) | (proto == ICMPV6)) & ~changes.flooded
        at = requested.nonzero()[0]
        if not len(at):
            return []
        clients, servers, ts = contacts["client"][at], contacts["server"][at], contacts["ts"][at]
        fresh = self._contacted.look(combine(clients, servers), np.ascontiguousarray(ts), DAY) == RecentSet.FIRST
        at = at[fresh]
        return [
            (int(contacts["row"][at[i]]), Finding(n, sample))
            for i, n, _, sample in counted(self._targets, clients[fresh], servers[fresh], ts[fresh])
        ]

    def evaluate(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        if flow.client in self._exempt:
            return
        want, actor = self.options, client_of(flow)
        targets = [Subject(0, address, flow.vlan) for address in addresses_in(numbers.sample)] or [server_of(flow)]
        yield self.alert(
            flow,
            actor=actor,
            target=server_of(flow),
            targets=targets,
            summary=f"{who(self.context, actor)} pinged {numbers.targets} addresses",
            why=(
                (
                    f"{numbers.targets} addresses within {want.window_s} s that it had not pinged before (threshold "
                    f"{want.targets})"
                ),
                f"among them {some([addresses.text(each.address) for each in targets])}",
            ),
            numbers={"targets": numbers.targets, "threshold": want.targets, "window_s": want.window_s},
            key=(PROTOCOLS[flow.proto],),
            severity=severity_of_scan(self.context, actor),
            network=network_of(self.context, flow),
        )
