"""A new device appears on a network that was monitored for a day.

Reported immediately, and again with another severity once its type is known. Severity depends on type and segment:
network equipment, and computers among fixed-function devices, matter most. Phones with randomized MACs are not
reported. Many new devices at the same time (a class, a delivery, the end of a holiday) are one alert.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context, DeviceDetector
from sensor.core.device import FIXED_FUNCTION, Device, DeviceChange
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.type_labels import type_label, types_counted
from sensor.counting.tally import Counts
from sensor.detectors.shared.devices import COMPUTERS, OfDevices, called, is_randomised, subject_of
from sensor.detectors.shared.hosts import CARRIERS, Numbers

NEWCOMERS_LIMIT = 1024
# Mobile devices of users, and types that cannot be distinguished from them.
CARRIED = frozenset(("mobile", "tablet", "wearable", "workstation", "unknown"))
# Number of devices that make a type usual in a segment.
DEVICES = 3


class Options(detector.Options):
    """When a device is new."""

    learn_h: float = Field(24, ge=0, le=2160, description="learning period of the network in hours")
    settle_s: int = Field(
        600,
        ge=0,
        le=86400,
        description="seconds after which a new device is not reported again when its type becomes known",
    )
    crowd: int = Field(20, ge=2, description="threshold: new devices within ten minutes that are reported as one alert")
    randomised: bool = Field(False, description="whether phones and computers with randomized MACs are reported too")


class New(OfDevices, DeviceDetector):
    """Watches new devices and their types."""

    title = "New device"
    severity = Severity.low
    techniques = ("T1200",)
    advice = (
        "Ask the owner of this segment whether they connected it. If not, find the switch port by its MAC, disconnect "
        "it, and identify it. If it may stay, assign an owner with `sensor devices set`."
    )
    false_positives = (
        "Deliveries, visitors, devices that were off during the learning period, a replaced network card or dock."
    )
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._newcomers: Bounded[str, int] = self.tables.add("newcomers", Bounded(NEWCOMERS_LIMIT))
        self._crowd: Counts[str] = self.tables.add("arrivals", Counts(600 * SECOND, 1))

    def review(self, change: DeviceChange) -> Iterator[Alert]:
        device = change.device
        if change.action == "new":
            watched = self.context.baseline.age_h(change.ts)
            if watched >= self.options.learn_h and not self._ordinary(device):
                self._newcomers.put(device.id, change.ts)
                yield self._alert(change, watched, self._crowd.add("all", change.ts))
        elif change.action == "identified":
            # The type may have arrived with the first report.
            since = self._newcomers.pop(device.id) or change.ts
            if 0 < change.ts - since <= self.options.settle_s * SECOND and not self._ordinary(device):
                yield self._alert(change, self.context.baseline.age_h(change.ts), self._crowd.add("all", change.ts, 0))

    def _ordinary(self, device: Device) -> bool:
        """Whether it is a phone or computer with a randomized MAC: probably a known device with a new address."""
        return is_randomised(device) and device.type in CARRIED and not self.options.randomised

    def _alert(self, change: DeviceChange, watched: float, come: int) -> Alert:
        device, want = change.device, self.options
        severity, reason = self._graded(device)
        why = [f"not seen in {watched:.0f} h (learning period {want.learn_h:g} h)"]
        numbers: Numbers = {"watched_h": round(watched, 1), "threshold_h": want.learn_h}
        if come < want.crowd or severity > self.severity:
            return self.device_alert(
                change,
                device,
                summary=f"new device: {called(device)}",
                why=(*why, reason),
                numbers=numbers,
                severity=severity,
            )
        why.append(f"{come} new devices within 10 minutes are one alert (threshold {want.crowd})")
        alert = self.device_alert(
            change,
            device,
            summary=f"{come} new devices within 10 minutes, the last one {called(device)}",
            why=why,
            numbers={**numbers, "newcomers": come},
        )
        alert.key = f"{self.id}|crowd"
        return alert

    def _graded(self, device: Device) -> tuple[Severity, str]:
        """Severity, and the reasons."""
        address = subject_of(device).address
        segment = addresses.segment(address) if address else ""
        types = (
            {
                kind: count
                for kind, count in self.context.baseline.device_types(segment).items()
                if count and kind != "unknown"
            }
            if segment
            else {}
        )
        kind, there = type_label(device.type), sum(types.values())
        if device.type in CARRIERS:
            return Severity.medium, f"{kind}: forwards the traffic of other devices"
        if device.type in COMPUTERS and there >= DEVICES and types.keys() <= FIXED_FUNCTION:
            return Severity.medium, f"only fixed-function devices are in {segment}: {_listed(types)}"
        if device.type in COMPUTERS or device.type == "unknown":
            return (
                Severity.info,
                "its type is unknown so far" if device.type == "unknown" else f"{kind}: common in this segment",
            )
        if there >= DEVICES and device.type not in types:
            return Severity.low, f"the first {kind} in {segment}, where there are {_listed(types)}"
        return Severity.low, f"{kind}: a stationary device"


def _listed(types: dict[str, int]) -> str:
    return ", ".join(types_counted(kind, count) for kind, count in sorted(types.items()))
