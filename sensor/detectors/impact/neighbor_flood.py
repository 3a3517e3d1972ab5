"""CDP, LLDP or spanning tree flood: one port sends announcements of hundreds of spoofed neighbors, which fill the
memory of switches and routers; or a bridge announces topology changes continuously, at each of which switches flush
their MAC address tables and flood traffic to all ports.

A link has one neighbor, a segment with unmanaged switches a few dozen. A bridge that has a change announces it once in
two seconds, until its root confirms it (IEEE 802.1D-2004, 17.21).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.addresses import mac_text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.counting.tally import Counts, Distinct
from sensor.detectors.shared.hosts import app_of, who
from sensor.dissectors.cdp import CdpAnnouncement
from sensor.dissectors.lldp import LldpAnnouncement
from sensor.dissectors.stp import StpConfiguration, StpTopologyChange

SEGMENTS_LIMIT, NEIGHBORS_LIMIT = 256, 256
REPORTED_S = 600


class Options(detector.Options):
    """When announcements are a flood."""

    neighbors: int = Field(150, ge=20, le=NEIGHBORS_LIMIT, description="threshold: neighbors that were announced")
    changes: int = Field(40, ge=10, description="threshold: topology changes that one sender announced")
    window_s: int = Field(10, ge=1, le=600, description="time window in seconds")


class NeighborFlood(EventDetector):
    """Counts the MACs, chassis and bridges that are announced, and topology changes."""

    title = "CDP, LLDP or spanning tree flood"
    severity = Severity.medium
    techniques = ("T1499", "T1498.001")
    advice = (
        "Find the switch port of these frames (their source MACs in its address table) and disconnect the device. "
        "Disable CDP and LLDP on ports of end devices that do not need them, and enable BPDU guard there."
    )
    false_positives = "A merged capture of many networks; a test of a network management system."
    decisive = {"neighbors": "neighbors", "changes": "changes"}
    Options = Options
    watches = (CdpAnnouncement, LldpAnnouncement, StpConfiguration, StpTopologyChange)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._neighbors: Distinct[tuple[int, int, str], tuple[int, str]] = self.tables.add(
            "neighbors", Distinct(self.options.window_s * SECOND, SEGMENTS_LIMIT, NEIGHBORS_LIMIT)
        )
        self._changes: Counts[tuple[int, int, int]] = self.tables.add(
            "changes", Counts(self.options.window_s * SECOND, SEGMENTS_LIMIT)
        )
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(SEGMENTS_LIMIT, REPORTED_S * SECOND)
        )

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet, want, protocol = event.packet, self.options, app_of(event)
        segment = (packet.source, packet.vlan, protocol)
        if isinstance(event, CdpAnnouncement | LldpAnnouncement):
            chassis = event.chassis
        elif isinstance(event, StpConfiguration | StpTopologyChange):
            chassis = str(event.bridge) if isinstance(event, StpConfiguration) else ""
            if not isinstance(event, StpConfiguration) or event.changed:
                yield from self._changed(event)
        else:
            return
        count = self._neighbors.add(segment, (packet.src_mac, chassis), packet.ts)
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

    def _changed(self, event: StpConfiguration | StpTopologyChange) -> Iterator[Alert]:
        packet, want = event.packet, self.options
        count = self._changes.add((packet.source, packet.vlan, packet.src_mac), packet.ts)
        if count < want.changes or not self._reported.fresh((packet.source, packet.vlan, "change"), packet.ts):
            return
        actor = Subject(packet.src_mac, 0, packet.vlan)
        yield self.alert(
            event,
            actor=actor,
            summary=f"{who(self.context, actor)} announced {count} topology changes within {want.window_s} s",
            why=(
                f"{count} topology changes within {want.window_s} s (threshold {want.changes})",
                "a bridge announces a change every two seconds until it is confirmed",
            ),
            numbers={"changes": count, "threshold": want.changes, "window_s": want.window_s},
            key=(packet.vlan, "change", mac_text(packet.src_mac)),
            network={"app": "stp", "vlan": packet.vlan},
        )
