"""One sender sends many malformed messages to one receiver: a broken program, or fuzzing.

Messages truncated by the capture are not counted. A port used for another protocol looks the same: low severity.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event, MalformedMessage
from sensor.core.ip_protocols import PROTOCOLS, WITH_PORTS
from sensor.core.model import Field
from sensor.core.protocol_labels import protocol_label
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Counts
from sensor.detectors.shared.hosts import ends_of, who

PAIRS_LIMIT, REPORTED_LIMIT = 4096, 1024
REPORTED_S = 600


class Options(detector.Options):
    """Threshold."""

    messages: int = Field(
        5, ge=2, description="threshold: malformed messages of one protocol from one sender to one receiver"
    )
    window_s: int = Field(600, ge=10, le=86400, description="time window in seconds")


class MalformedTraffic(EventDetector):
    """Watches messages that dissectors rejected, by sender, receiver and protocol."""

    title = "Malformed protocol messages"
    severity = Severity.low
    techniques = ()
    advice = "Identify the program on the sender and its version, and check the receiver's log at that time."
    false_positives = "Another protocol on a well-known port; an old implementation; packet loss before the sensor."
    decisive = {"messages": "messages"}
    Options = Options
    watches = (MalformedMessage,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._messages: Counts[tuple[int, int, str]] = self.tables.add(
            "messages", Counts(self.options.window_s * SECOND, PAIRS_LIMIT)
        )
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, REPORTED_S * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        return {MalformedMessage: ~field("packet.truncated").filled()}

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if not isinstance(event, MalformedMessage) or packet.truncated:
            return
        key = (packet.src or packet.src_mac, packet.dst or packet.dst_mac, event.dissector)
        count = self._messages.add(key, event.ts)
        if count < self.options.messages or not self._reported.fresh(key, event.ts):
            return
        actor, target, _, _ = ends_of(packet)
        proto = PROTOCOLS.get(packet.proto, str(packet.proto)) if packet.ip_version else "ethernet"
        label = protocol_label(event.dissector)
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=(
                f"{who(self.context, actor)} sent {count} malformed {label} messages to {who(self.context, target)}"
            ),
            why=(f"{count} malformed messages within {self.options.window_s} s (threshold {self.options.messages})",),
            numbers={
                "messages": count,
                "threshold": self.options.messages,
                "window_s": self.options.window_s,
                "protocol": event.dissector,
            },
            key=(addresses.text(packet.dst) if packet.dst else addresses.mac_text(packet.dst_mac), event.dissector),
            confidence=0.6,
            actor_port=packet.sport if packet.proto in WITH_PORTS else 0,
            target_port=packet.dport if packet.proto in WITH_PORTS else 0,
            network={
                "proto": proto,
                "app": event.dissector,
                "vlan": packet.vlan,
                "direction": self.context.networks.direction(packet.src, packet.dst),
            },
        )
