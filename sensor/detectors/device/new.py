"""A device that was never seen appears on a network that was watched for a day.

Told as soon as it is seen, and again, graver or not, once its type is known. How grave depends on what it is and where it is: machines that carry the traffic
of others, and computers among devices with one job, matter most. Phones with randomised MACs come and go, and are not told. Where many come at once (a class,
a delivery, the end of a holiday) they are one finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context, DeviceDetector
from sensor.core.device import FIXED_FUNCTION, Device, DeviceChange
from sensor.core.tally import Counts
from sensor.detectors._devices import CARRIERS, COMPUTERS, OfDevices, called, is_randomised, kind_text, subject_of

SECOND = 1_000_000_000
NEWCOMERS_LIMIT = 1024
# What people carry about with them, and what cannot be told from it.
CARRIED = frozenset(("mobile", "tablet", "wearable", "workstation", "unknown"))
# So many devices of a segment make a rule of what they are.
DWELLERS = 3


class Options(detector.Options):
    """When a device is news."""

    learn_h: float = Field(24, ge=0, le=2160, description="hours of the network to watch before the first finding")
    settle_s: int = Field(600, ge=0, le=86400, description="seconds after which a newcomer whose type becomes known is told no more")
    crowd: int = Field(20, ge=2, description="newcomers within ten minutes from which on they are one finding")
    randomised: bool = Field(False, description="whether phones and computers with randomised MACs are told too")


class New(OfDevices, DeviceDetector):
    """Watches devices that are new, and what they turn out to be."""

    title = "New device"
    severity = Severity.low
    techniques = ("T1200",)
    advice = (
        "Ask whoever is in charge of this segment whether they connected it. If nobody did, find the switch port by its MAC, unplug it, and see what it is. "
        "Give it an owner with `sensor devices set` when it may stay."
    )
    false_positives = "Deliveries, visitors, devices that were switched off while the network was learned, a replaced network card or dock."
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._newcomers: Bounded[str, int] = Bounded(NEWCOMERS_LIMIT)
        self._crowd: Counts[str] = Counts(600 * SECOND, 1)

    def review(self, change: DeviceChange) -> Iterator[Alert]:
        device = change.device
        if change.action == "new":
            watched = self.context.baseline.age_h(change.ts)
            if watched >= self.options.learn_h and not self._ordinary(device):
                self._newcomers.put(device.id, change.ts)
                yield self._tell(change, watched, self._crowd.add("all", change.ts))
        elif change.action == "identified":
            # With the first telling the type may have come as well.
            since = self._newcomers.pop(device.id) or change.ts
            if 0 < change.ts - since <= self.options.settle_s * SECOND and not self._ordinary(device):
                yield self._tell(change, self.context.baseline.age_h(change.ts), self._crowd.add("all", change.ts, 0))

    def _ordinary(self, device: Device) -> bool:
        """A phone or computer with a randomised MAC: the next one of somebody who was there before."""
        return is_randomised(device) and device.type in CARRIED and not self.options.randomised

    def _tell(self, change: DeviceChange, watched: float, come: int) -> Alert:
        device, want = change.device, self.options
        severity, reason = self._weigh(device)
        why = [f"not seen in {watched:.0f} h of learning; speaks from {want.learn_h:g} h on"]
        numbers: dict[str, int | float | str] = {"watched_h": round(watched, 1), "threshold_h": want.learn_h}
        if come < want.crowd or severity > self.severity:
            return self.tell(change, device, summary=f"new device: {called(device)}", why=(*why, reason), numbers=numbers, severity=severity)
        why.append(f"{come} came within 10 minutes; they are one finding from {want.crowd} on")
        alert = self.tell(change, device, summary=f"many new devices, the last one {called(device)}", why=why, numbers={**numbers, "newcomers": come})
        alert.key = f"{self.id}|crowd"
        return alert

    def _weigh(self, device: Device) -> tuple[Severity, str]:
        """How grave, and why."""
        address = subject_of(device).address
        segment = addresses.segment(address) if address else ""
        dwellers = {kind: count for kind, count in self.context.baseline.dwellers(segment).items() if count and kind != "unknown"} if segment else {}
        kind, there = kind_text(device.type), sum(dwellers.values())
        if device.type in CARRIERS:
            return Severity.medium, f"a {kind} carries and sees the traffic of others"
        if device.type in COMPUTERS and there >= DWELLERS and dwellers.keys() <= FIXED_FUNCTION:
            return Severity.medium, f"only devices with one job live in {segment}: {_listed(dwellers)}"
        if device.type in COMPUTERS or device.type == "unknown":
            return Severity.info, "what it is is not known yet" if device.type == "unknown" else f"a {kind} among others"
        if there >= DWELLERS and device.type not in dwellers:
            return Severity.low, f"the first {kind} in {segment}, where there are {_listed(dwellers)}"
        return Severity.low, f"a {kind}, which stays where it is put"


def _listed(dwellers: dict[str, int]) -> str:
    return ", ".join(f"{count} {kind_text(kind)}" for kind, count in sorted(dwellers.items()))
