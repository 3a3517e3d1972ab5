"""WinNuke (CVE-1999-0153): a NetBIOS session begins with urgent data instead of a session request. Old Windows
versions, and devices with stacks of that time, crash on it. RFC 1002 has no urgent data.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.time_units import SECOND
from sensor.detectors.shared.hosts import ends_of, network_of_packet, who
from sensor.dissectors.shared.smb_events import SmbUrgent

REPORTED_LIMIT = 1024
REPORTED_S = 600


class UrgentData(EventDetector):
    """Watches the beginning of NetBIOS sessions."""

    title = "Urgent data in a NetBIOS session (WinNuke)"
    severity = Severity.medium
    techniques = ("T1499.004", "T1499")
    advice = (
        "Check whether the target restarted or stopped answering. Replace or patch it, and block TCP port 139 between "
        "segments."
    )
    false_positives = "A vulnerability scanner with this check, or a test program for network stacks."
    watches = (SmbUrgent,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, int]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, REPORTED_S * SECOND)
        )

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if not isinstance(event, SmbUrgent) or not self._reported.fresh((packet.src, packet.dst), packet.ts):
            return
        actor, target, near, far = ends_of(packet)
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=(
                f"{who(self.context, actor)} sent urgent data to the NetBIOS session service of "
                f"{who(self.context, target)}"
            ),
            why=(f"the session begins with {event.size} bytes of urgent data instead of a session request",),
            numbers={"bytes": event.size, "threshold": 1},
            key=(addresses.text(packet.dst),),
            confidence=0.85,
            actor_port=near,
            target_port=far,
            network=network_of_packet(self.context, packet, "smb"),
        )
