"""Port scan: one source tries many ports of one target, and most of them do not answer: fast within minutes, or slow
within an hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.flow import Flow
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.model import Field
from sensor.core.phrases import counted, some
from sensor.core.time_units import SECOND
from sensor.counting.changes import Changes, follow
from sensor.counting.contacts import service_attempts
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.ports import ports_in
from sensor.detectors.shared.hosts import client_of, network_of, server_of, severity_of_scan, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.detectors.shared.unanswered import with_unanswered

KEY_BITS, PAIR_BITS = 13, 16
PAIRS_LIMIT = 8192
# UDP: most ports from here on belong to clients, and traceroute uses 33434 and up.
UDP_SERVICES_END = 32768
# A packet from these answers a multicast request (SSDP, WS-Discovery, mDNS, LLMNR), whatever its destination port.
UDP_ANSWERS = (1900, 3702, 5353, 5355)


class Options(detector.Options):
    """When failed ports are a scan."""

    ports: int = Field(25, ge=2, description="threshold: failed ports of one target")
    window_s: int = Field(120, ge=10, le=3600, description="time window in seconds")
    slow_ports: int = Field(50, ge=2, description="threshold of a slow scan: failed ports of one target")
    slow_window_s: int = Field(3600, ge=60, le=86400, description="time window of a slow scan in seconds")
    grace_s: float = Field(3.0, gt=0, le=8, description="seconds without an answer after which a contact failed")
    share: float = Field(0.5, ge=0, le=1, description="minimum share of failed ports")
    exempt: Blocks = Field((), description="addresses and CIDR blocks of your own scanners")


class Finding(NamedTuple):
    """Ports that failed and that answered within the window, a sample of those that failed, and whether the slow window
    was used.
    """

    failed: int
    answered: int
    sample: list[int]
    slow: bool


class PortScan(FlowDetector):
    """Watches first contacts over TCP and UDP."""

    title = "Port scan"
    severity = Severity.medium
    techniques = ("T1046",)
    advice = "Identify the program on the source, and review the services of the target on the ports that answered."
    false_positives = (
        "Vulnerability scanners and inventory systems (list them in `exempt`); programs that search "
        "for a server on a port range."
    )
    decisive = {"ports": "failed", "slow_ports": "failed"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        want = self.options
        grace = int(want.grace_s * SECOND)
        self._answers = ports_in(UDP_ANSWERS).view(np.uint8)
        self._fast = self.tables.add("fast", self.window(want.window_s * SECOND, KEY_BITS, PAIR_BITS, grace))
        self._slow = self.tables.add("slow", self.window(want.slow_window_s * SECOND, KEY_BITS, PAIR_BITS, grace))
        self._fast.rule(threshold=want.ports, share=want.share)
        self._slow.rule(threshold=want.slow_ports, share=want.share)
        # A fast scan also exceeds the slow threshold: that is not a second finding.
        self._reported: Recent[tuple[int, int, int]] = self.tables.add(
            "reported", Recent(PAIRS_LIMIT, want.slow_window_s * SECOND)
        )
        self._exempt = AddressBlocks(want.exempt)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        rows, flooded = with_unanswered(changes), changes.flooded
        attempts = service_attempts(rows, self._answers, UDP_SERVICES_END)
        found = [
            (int(rows["row"][at]), Finding(failed, answered, sample, slow))
            for slow, window in ((False, self._fast), (True, self._slow))
            for at, failed, answered, sample in follow(window, attempts)
            if not flooded[at]
        ]
        return sorted(found)

    def evaluate(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        if flow.client in self._exempt:
            return
        fresh = self._reported.fresh((flow.client, flow.server, flow.proto), flow.ts)
        if numbers.slow and not fresh:
            return
        want, actor, target = self.options, client_of(flow), server_of(flow)
        threshold, window = (want.slow_ports, want.slow_window_s) if numbers.slow else (want.ports, want.window_s)
        proto = PROTOCOLS[flow.proto]
        ports = f"{numbers.failed} {proto.upper()} ports"
        yield self.alert(
            flow,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} scanned {ports} of {who(self.context, target)} that did not answer",
            why=(
                f"{ports} rejected or did not answer within {window} s (threshold {threshold})",
                f"{counted(numbers.answered, 'other port')} answered",
                f"among the ports {some([str(port) for port in sorted(numbers.sample)], 12)}",
            ),
            numbers={
                "failed": numbers.failed,
                "answered": numbers.answered,
                "threshold": threshold,
                "window_s": window,
            },
            key=(addresses.text(flow.server), proto),
            severity=severity_of_scan(self.context, actor, answered=bool(numbers.answered)),
            network=network_of(self.context, flow),
        )
