"""Invalid source address: loopback, 0/8, multicast, the reserved range 240/4, or the destination address itself (land
attack).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sensor.core import addresses
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import PROTOCOLS, TCP
from sensor.core.observation import Subject
from sensor.core.recent import RecentSet
from sensor.core.time_units import SECOND
from sensor.counting.changes import Changes
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.tally import Distinct
from sensor.detectors.shared.addresses import illegal_sources
from sensor.detectors.shared.hosts import network_of, server_of, who

REPORTED_BITS = 8
REPORTED_S = 600
SEGMENTS_LIMIT = 1024
# In a flood with spoofed MACs (``impact.spoofed_flood``) every frame has a new one: only the first of a VLAN are
# reported.
MACS = 8
# Source and destination are the same socket: old systems enter a loop (CVE-1999-0016).
LAND = ("T1499.004", "T1498.001")


class IllegalAddress(FlowDetector):
    """Watches the sources of new flows; once per MAC in ten minutes, and a few MACs of a VLAN."""

    title = "Invalid source address"
    severity = Severity.low
    techniques = ()
    advice = (
        "Look for a broken network stack, a misconfigured tunnel or a test program at this MAC. Attacks "
        "with spoofed addresses look the same."
    )
    false_positives = (
        "Captures on the host itself, where loopback is normal; very old devices that send broadcasts before they have "
        "an address."
    )

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported = self.tables.add("reported", RecentSet(REPORTED_BITS))
        self._macs: Distinct[int, int] = self.tables.add(
            "macs", Distinct(REPORTED_S * SECOND, SEGMENTS_LIMIT, MACS + 1)
        )

    def candidates(self, changes: Changes) -> Iterable[tuple[int, None]]:
        new = changes.of(Change.NEW)
        rows = new.rows
        found = (
            (rows["client_lo"] == rows["server_lo"])
            & (rows["client_hi"] == rows["server_hi"])
            & (rows["client_mac"] != rows["server_mac"])
        )
        found[changes.once(illegal_sources)] = True
        # Loopback to loopback is local traffic: the capture was made on that interface.
        at = (found & (rows["client_mac"] != 0)).nonzero()[0]
        if not len(at):
            return []
        fresh = self._reported.fresh(rows["client_mac"][at], rows["ts"][at], REPORTED_S * SECOND)
        return [(at, None) for at in new.at[at[fresh]].tolist()]

    def evaluate(self, flow: Flow, numbers: None) -> Iterator[Alert]:
        if flow.client in (addresses.NONE, addresses.V4):
            return
        if self._macs.add(flow.vlan, flow.client_mac, flow.ts) > MACS:
            return
        address, mac = addresses.text(flow.client), addresses.mac_text(flow.client_mac)
        reason = (
            f"source and destination are both {address}"
            if flow.client == flow.server
            else f"{address} is not a valid source address"
        )
        target = server_of(flow)
        land = flow.proto == TCP and (flow.client, flow.client_port) == (flow.server, flow.server_port)
        yield self.alert(
            flow,
            actor=Subject(flow.client_mac, flow.client, flow.vlan),
            target=target,
            summary=f"{mac} sent packets to {who(self.context, target)} with the source address {address}",
            why=(reason,),
            numbers={"address": address, "threshold": 1, "protocol": PROTOCOLS.get(flow.proto, str(flow.proto))},
            key=(mac,),
            network=network_of(self.context, flow),
            severity=Severity.medium if land else Severity.low,
            techniques=LAND if land else None,
        )
