"""CDP or LLDP flood: one port sends announcements of hundreds of spoofed neighbors, which fill the memory of switches
and routers.

A link has one neighbor, a segment with unmanaged switches a few dozen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import app_of
from sensor.dissectors.cdp import CdpAnnouncement
from sensor.dissectors.lldp import LldpAnnouncement

SEGMENTS_LIMIT, NEIGHBORS_LIMIT = 256, 256
REPORTED_S = 600


class Options(detector.Options):
    """When announcements are a flood."""

    neighbors: int = Field(150, ge=20, le=NEIGHBORS_LIMIT, description="threshold: neighbors that were announced")
    window_s: int = Field(10, ge=1, le=600, description="time window in seconds")


class NeighborFlood(EventDetector):
    """Counts the MACs and chassis that are announced."""

    title = "CDP or LLDP flood"
    severity = Severity.medium
    techniques = ("T1499", "T1498.001")
    advice = (
        "Find the switch port of these frames (their source MACs in its address table) and disconnect what is there. "
        "Disable CDP and LLDP on ports of end devices that do not need them."
    )
    false_positives = "A merged capture of many networks; a test of a network management system."
    decisive = {"neighbors": "neighbors"}
    Options = Options
    watches = (CdpAnnouncement, LldpAnnouncement)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._neighbors: Distinct[tuple[int, int, str], tuple[int, str]] = self.tables.add(
            "neighbors", Distinct(self.options.window_s * SECOND, SEGMENTS_LIMIT, NEIGHBORS_LIMIT)
        )
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(SEGMENTS_LIMIT, REPORTED_S * SECOND)
        )

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, CdpAnnouncement | LldpAnnouncement):
            return
        packet, want, protocol = event.packet, self.options, app_of(event)
        segment = (packet.source, packet.vlan, protocol)
        count = self._neighbors.add(segment, (packet.src_mac, event.chassis), packet.ts)
        if count < want.neighbors or not self._reported.fresh(segment, packet.ts):
            return
        name = protocol.upper()
        yield self.alert(
            event,
            actor=Subject(packet.src_mac, 0, packet.vlan),
            summary=f"{count} neighbors were announced over {name} within {want.window_s} s",
            why=(
                f"{count} pairs of MAC and chassis within {want.window_s} s (threshold {want.neighbors})",
                "the source MACs are likely spoofed: this is the last of them",
            ),
            numbers={"neighbors": count, "threshold": want.neighbors, "window_s": want.window_s},
            key=(packet.vlan, protocol),
            network={"app": protocol, "vlan": packet.vlan},
        )
