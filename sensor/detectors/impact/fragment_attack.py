"""Fragments that no stack sends: one begins inside another and contains other bytes (Teardrop and similar attacks), or
the datagram ends beyond the maximum size (ping of death). Old systems and embedded devices crash on them, and a filter
that reassembles them differently from the receiver does not see the data. Also floods of fragments without the
beginning of their datagrams, which fill the memory of the receiver.

Busy hosts reuse identifications while fragments of earlier datagrams are pending (RFC 4963): these begin at the same
offsets, and are not reported. Every receiver drops such datagrams today (RFC 5722), and so does the sensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import UNFINISHED, Event, FragmentFault
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.time_units import SECOND
from sensor.detectors.shared.hosts import ends_of, who

REPORTED_LIMIT = 1024
REPORTED_S = 600
WHY = {
    "overlapping": "a fragment overlaps another one of its datagram with different data, as in Teardrop",
    "unfinished": f"{UNFINISHED} fragments within a second belong to datagrams without a beginning",
    "oversized": "a fragment ends beyond byte 65,535, the maximum size of a datagram, as in the ping of death",
}


class FragmentAttack(EventDetector):
    """Watches datagrams that were dropped for their fragments."""

    title = "Overlapping or oversized fragments, fragment flood"
    severity = Severity.medium
    techniques = ("T1499.004", "T1499")
    advice = (
        "Check whether the target restarted or stopped responding, and update its firmware. Drop fragments at the "
        "firewall where no service needs them, or reassemble them there."
    )
    false_positives = "A test program for network stacks; a damaged network card or tunnel that corrupts fragments."
    watches = (FragmentFault,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, REPORTED_S * SECOND)
        )

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if not isinstance(event, FragmentFault):
            return
        count, source = (UNFINISHED, 0) if event.fault == "unfinished" else (1, packet.src)
        if not self._reported.fresh((source, packet.dst, event.fault), packet.ts):
            return
        actor, target, _, _ = ends_of(packet)
        proto = PROTOCOLS.get(packet.proto, str(packet.proto))
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} sent {event.fault} fragments to {who(self.context, target)}",
            why=(WHY[event.fault],),
            numbers={"datagrams": count, "threshold": count},
            key=(addresses.text(packet.dst), event.fault),
            confidence=0.8,
            network={
                "proto": proto,
                "vlan": packet.vlan,
                "direction": self.context.networks.direction(packet.src, packet.dst),
            },
        )
