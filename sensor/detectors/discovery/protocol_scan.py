"""IP protocol scan: one source sends packets of many IP protocols to one target, to find out which of them it accepts
(Nmap: `-sO`).

A host uses a handful of IP protocols: TCP, UDP and ICMP, and a tunnel, routing or redundancy protocol. The target
rejects the others with ICMP protocol unreachable, or drops them; neither is needed for the alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import ICMP, ICMPV6, TCP, UDP
from sensor.core.model import Field
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.counting.changes import Changes
from sensor.counting.contacts import combine, fold
from sensor.counting.flow_detector import FlowDetector
from sensor.detectors.shared.addresses import counted
from sensor.detectors.shared.hosts import client_of, network_of, server_of, severity_of_scan, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks

KEY_BITS, PAIR_BITS = 9, 13
PAIRS_LIMIT = 1024
# By IP protocol: whether ordinary hosts do not use it.
RARE = np.ones(256, np.bool_)
RARE[[ICMP, TCP, UDP, ICMPV6]] = False


class Options(detector.Options):
    """When IP protocols are a scan."""

    protocols: int = Field(
        8,
        ge=4,
        le=200,
        description="threshold: IP protocols other than TCP, UDP and ICMP from one source to one target",
    )
    window_s: int = Field(86400, ge=10, le=86400, description="time window in seconds")
    exempt: Blocks = Field((), description="addresses and CIDR blocks of your own scanners")


class Finding(NamedTuple):
    """Number of IP protocols, and a sample of their numbers."""

    protocols: int
    sample: list[int]


class ProtocolScan(FlowDetector):
    """Watches new flows of IP protocols other than TCP, UDP and ICMP, by source and target."""

    title = "IP protocol scan"
    severity = Severity.medium
    techniques = ("T1046",)
    advice = (
        "Identify the program on the source. Drop IP protocols that the network does not use at its "
        "routers and firewalls."
    )
    false_positives = (
        "Vulnerability scanners and inventory systems (list them in `exempt`); tests of network equipment."
    )
    decisive = {"protocols": "protocols"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._window = self.tables.add("window", self.window(self.options.window_s * SECOND, KEY_BITS, PAIR_BITS))
        self._window.rule(threshold=self.options.protocols)
        self._reported: Recent[tuple[int, int]] = self.tables.add(
            "reported", Recent(PAIRS_LIMIT, self.options.window_s * SECOND)
        )
        self._exempt = AddressBlocks(self.options.exempt)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        new = changes.of(Change.NEW)
        odd = RARE[new.rows["proto"]].nonzero()[0]
        if not len(odd):
            return []
        at, rows = new.at[odd], new.rows.take(odd)
        pairs = combine(fold(rows["client_hi"], rows["client_lo"]), fold(rows["server_hi"], rows["server_lo"]))
        found = counted(self._window, pairs, rows["proto"].astype(np.uint64), rows["ts"])
        return [(int(at[i]), Finding(protocols, sample)) for i, protocols, _, sample in found]

    def evaluate(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        exempt = flow.client in self._exempt
        if exempt or not self._reported.fresh((flow.client, flow.server), flow.ts):
            return
        want, actor = self.options, client_of(flow)
        yield self.alert(
            flow,
            actor=actor,
            target=server_of(flow),
            summary=(
                f"{who(self.context, actor)} sent packets of {numbers.protocols} IP protocols to "
                f"{who(self.context, server_of(flow))}"
            ),
            why=(
                (
                    f"{numbers.protocols} IP protocols other than TCP, UDP and ICMP within {want.window_s} s "
                    f"(threshold {want.protocols})"
                ),
                f"among the protocol numbers {some([str(number) for number in sorted(numbers.sample)], 12)}",
            ),
            numbers={"protocols": numbers.protocols, "threshold": want.protocols, "window_s": want.window_s},
            key=(addresses.text(flow.server),),
            severity=severity_of_scan(self.context, actor),
            confidence=0.9,
            network=network_of(self.context, flow),
        )
