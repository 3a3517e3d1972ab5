"""The configuration of a device changed: LLDP, CDP and similar announcements, name, VLAN, or services.

Disabled by default: in networks with mobile users it changes all the time. A device is compared with itself once it is
known for a day.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context, DeviceDetector, EventDetector
from sensor.core.device import Device, DeviceChange, FieldChange
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import HOUR
from sensor.detectors.shared.devices import OfDevices, called, is_randomised
from sensor.dissectors.cdp import CdpAnnouncement
from sensor.dissectors.edp import EdpAnnouncement
from sensor.dissectors.fdp import FdpAnnouncement
from sensor.dissectors.lldp import LldpAnnouncement
from sensor.dissectors.mndp import MndpAnnouncement

DEVICES_LIMIT, PORTS_LIMIT = 8192, 8192
# Parts of announcements that are not configuration: sender, lifetime, load-dependent values, and lists that span
# several messages.
PASSING = frozenset(("packet", "life_s", "power_mw", "uptime_s", "vlans"))
# Compared values: name → text.
Seen = dict[str, str]


class Options(detector.Options):
    """When a change is reported."""

    enabled: bool = False
    settled_h: float = Field(24, ge=0, le=2160, description="learning period: hours a device must be known")


class ConfigurationChanged(OfDevices, EventDetector, DeviceDetector):
    """Compares announcements with the previous one from the same port, and devices with their earlier state."""

    title = "Device configuration changed"
    severity = Severity.low
    techniques = ()
    advice = (
        "Compare with planned work on this device or its switch port. If there was none, find out who "
        "logged in to it, and back up its configuration."
    )
    false_positives = "Planned work, devices moved to another port, software that announces its current state."
    Options = Options
    watches = (LldpAnnouncement, CdpAnnouncement, EdpAnnouncement, FdpAnnouncement, MndpAnnouncement)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._announced: Bounded[tuple[int, str, str], Seen] = self.tables.add("announced", Bounded(PORTS_LIMIT))
        self._devices: Bounded[str, Seen] = self.tables.add("devices", Bounded(DEVICES_LIMIT))

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet, now = event.packet, _announcement(event)
        key = packet.src_mac, event.kind, now.pop("port", "")
        before = self._announced.get(key)
        self._announced.put(key, now)
        device = self.context.device(Subject(packet.src_mac, packet.src, packet.vlan))
        if before is not None and device is not None:
            changes = _differences(before, now)
            if changes and self._is_settled(device, event.ts):
                yield self._alert(
                    event,
                    device,
                    changes,
                    f"announced by {event.kind.partition('.')[0].upper()} from {addresses.mac_text(packet.src_mac)}",
                )

    def review(self, change: DeviceChange) -> Iterator[Alert]:
        device = change.device
        now = {
            "name": next(iter(device.names), ""),
            "VLAN": str(device.vlan or ""),
            "services": ", ".join(device.services),
        }
        before = self._devices.get(device.id)
        self._devices.put(device.id, now)
        if before is None or change.action in ("gone", "merged", "split") or is_randomised(device):
            return
        # A value that was unknown before did not change.
        changes = [one for one in _differences(before, now) if one.old]
        if changes and self._is_settled(device, change.ts):
            yield self._alert(change, device, changes, "seen in the device's attributes")

    def _is_settled(self, device: Device, now: int) -> bool:
        return now - device.first >= int(self.options.settled_h * HOUR)

    def _alert(self, proof: Event | DeviceChange, device: Device, changes: list[FieldChange], source: str) -> Alert:
        reported = [f"{one.field} {one.old or '(none)'} → {one.new or '(none)'}" for one in changes]
        return self.device_alert(
            proof,
            device,
            ",".join(one.field for one in changes),
            summary=f"{called(device)}: {some(reported, 3)}",
            why=(*reported[:8], source),
            numbers={
                "fields": len(changes),
                "threshold": 1,
                "known_h": round((proof.ts - device.first) / HOUR, 1),
                "threshold_h": self.options.settled_h,
            },
            severity=Severity.info if all(one.field == "services" for one in changes) else self.severity,
        )


def _announcement(event: Event) -> Seen:
    """The configuration fields of an announcement, as text."""
    return {name: _text(value) for name, value in msgspec.structs.asdict(event).items() if name not in PASSING}


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_text, value))
    if isinstance(value, int) and value > addresses.V4:
        return addresses.text(value)
    return str(value) if value else ""


def _differences(before: Seen, now: Seen) -> list[FieldChange]:
    return [
        FieldChange(name, before.get(name, ""), value) for name, value in now.items() if before.get(name, "") != value
    ]
