"""Ping sweep: one source sends ICMP echo requests to many addresses for the first time.

Monitoring pings many addresses too, always the same: only addresses that this source never pinged count, as far as is
remembered, whether they answer or not, and severity is low until the time of its next rounds has passed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sensor.core import addresses
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import ICMP, ICMPV6, PROTOCOLS
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.counting.changes import Changes
from sensor.detectors.shared import sweeps
from sensor.detectors.shared.addresses import addresses_in
from sensor.detectors.shared.hosts import client_of, network_of, server_of, severity_of_scan, who
from sensor.detectors.shared.sweeps import Finding, SweepDetector

KEY_BITS, PAIR_BITS, PAIRS_BITS = 11, 14, 15


class Options(sweeps.Options):
    """When pings are a sweep."""

    targets: int = Field(50, ge=5, description="threshold: addresses that one source pinged for the first time")
    window_s: int = Field(120, ge=10, le=3600, description="time window in seconds")


class IcmpSweep(SweepDetector):
    """Watches echo requests, by source."""

    title = "Ping sweep (ICMP)"
    severity = Severity.medium
    techniques = ("T1018",)
    advice = (
        "Identify the program on the source. If it was not planned, review what it did next to the hosts that answered."
    )
    false_positives = (
        "Inventory systems, and monitoring whose rounds are more than five minutes apart, on their first day (list "
        "them in `exempt`); administrators' network tools."
    )
    decisive = {"targets": "targets"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options, pairs_bits=PAIRS_BITS)
        self._targets = self.tables.add("targets", self.window(self.options.window_s * SECOND, KEY_BITS, PAIR_BITS))
        self._targets.rule(threshold=self.options.targets)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding | None]]:
        contacts, proto = changes.contacts, changes.contacts["service"] & 0xFF
        requested = (contacts["kind"] == Change.NEW) & ((proto == ICMP) | (proto == ICMPV6)) & ~changes.flooded
        at = requested.nonzero()[0]
        if not len(at):
            return []
        rows = contacts.take(at)
        return self.followed(self._targets, rows["row"], rows["client"], rows["server"], rows["ts"])

    def sweep(self, flow: Flow, finding: Finding, severity: Severity, *reasons: str) -> Alert:
        want, actor = self.options, client_of(flow)
        targets = [Subject(0, address, flow.vlan) for address in addresses_in(finding.sample)] or [server_of(flow)]
        return self.alert(
            flow,
            actor=actor,
            target=server_of(flow),
            targets=targets,
            summary=f"{who(self.context, actor)} pinged {finding.hosts} addresses",
            why=(
                (
                    f"{finding.hosts} addresses within {want.window_s} s that it had not pinged before (threshold "
                    f"{want.targets})"
                ),
                f"including {some([addresses.text(each.address) for each in targets])}",
                *reasons,
            ),
            numbers={"targets": finding.hosts, "threshold": want.targets, "window_s": want.window_s},
            key=(PROTOCOLS[flow.proto],),
            severity=severity,
            network=network_of(self.context, flow),
        )

    def severity_of(self, flow: Flow) -> Severity:
        return severity_of_scan(self.context, client_of(flow))
