"""TCP resets injected into connections of other hosts (tcpkill, ettercap): frames that spoof both ends, or several
hosts, from one MAC that sent no other packet of these connections. At least one of the hosts is in the segment and has
its own MAC: packets of all others come from routers. Security gateways that reset connections do the same on purpose;
list their MACs in `exempt_macs`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.addresses import mac_text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import CARRIERS, network_of_packet, who
from sensor.detectors.shared.named_hosts import Macs
from sensor.dissectors.tcp_syn import TcpForeignReset

SENDERS_LIMIT = 1024


class Options(detector.Options):
    """When resets are injected, and who may."""

    resets: int = Field(2, ge=1, le=64, description="threshold: pairs of hosts whose connections one MAC reset")
    window_s: int = Field(60, ge=1, le=3600, description="time window in seconds")
    again_s: int = Field(600, ge=10, description="seconds until the same MAC may be reported again")
    exempt_macs: Macs = Field((), description="MACs of security gateways that reset connections")


class ResetInjection(EventDetector):
    """Watches resets from a foreign MAC."""

    title = "TCP reset injection (tcpkill)"
    severity = Severity.medium
    techniques = ("T1499", "T1565")
    advice = (
        "Find the switch port of this MAC and disconnect the host. Enable port security and dynamic ARP inspection: "
        "the host captures the traffic of others, or guesses their connections."
    )
    false_positives = "Intrusion prevention and content filters that reset connections (list them in `exempt_macs`)."
    decisive = {"resets": "resets"}
    Options = Options
    watches = (TcpForeignReset,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        # MAC → the pairs (forged source, destination) of its resets, and whether the source is in the segment
        self._pairs: Distinct[int, tuple[int, int, bool]] = self.tables.add(
            "pairs", Distinct(self.options.window_s * SECOND, SENDERS_LIMIT)
        )
        self._reported: Recent[int] = self.tables.add("reported", Recent(SENDERS_LIMIT, self.options.again_s * SECOND))
        self._exempt = frozenset(map(addresses.parse_mac, self.options.exempt_macs))

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet, want = event.packet, self.options
        if not isinstance(event, TcpForeignReset) or packet.src_mac in self._exempt:
            return
        actor, forged = Subject(packet.src_mac, 0, packet.vlan), Subject(0, packet.src, packet.vlan)
        device, owner = self.context.device(actor), self.context.device(forged)
        local = owner is not None and bool(owner.macs)
        if owner is not None and packet.src_mac in owner.macs:
            return
        if device is not None and device.type in CARRIERS:
            return
        count = self._pairs.add(packet.src_mac, (packet.src, packet.dst, local), packet.ts)
        if count < want.resets or not any(pair[2] for pair in self._pairs.values(packet.src_mac)):
            return
        if not self._reported.fresh(packet.src_mac, packet.ts):
            return
        if device is not None:
            actor = actor._replace(address=next(iter(device.addresses), 0))
        yield self.alert(
            event,
            actor=actor,
            target=forged,
            targets=(forged, Subject(0, packet.dst, packet.vlan)),
            summary=f"{who(self.context, actor)} spoofed TCP resets of {who(self.context, forged)}",
            why=(
                f"resets of {count} pairs of hosts within {want.window_s} s (threshold {want.resets})",
                f"they came from {mac_text(packet.src_mac)}, which sent no other packet of these connections",
            ),
            numbers={"resets": count, "threshold": want.resets, "window_s": want.window_s},
            key=(mac_text(packet.src_mac),),
            confidence=0.85,
            network=network_of_packet(self.context, packet, ""),
        )
