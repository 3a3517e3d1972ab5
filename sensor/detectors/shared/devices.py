"""Shared by detectors of device changes: which device an alert is about, how it is named, and evidence by time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sensor.core import addresses
from sensor.core.alert import Alert
from sensor.core.detector import Detector
from sensor.core.device import WIDER, Device, DeviceChange
from sensor.core.device_text import device_text
from sensor.core.event import Event
from sensor.core.flow import Flow
from sensor.core.observation import Evidence, Subject

# General-purpose computers, and devices that forward traffic of others.
COMPUTERS = frozenset(("workstation", "server", "mobile", "tablet", "game_console"))
# Families without evidence for the current identity of a host: chip vendors, names that users choose, contacted
# services, the operator.
SLIGHT = frozenset(("oui", "owner", "hostname", "hostname_mac", "cloud", "operator"))


class OfDevices(Detector):
    """Base of detectors whose alerts are about one device each."""

    def device_alert(self, proof: Event | Flow | DeviceChange, device: Device, what: str = "", **fields: Any) -> Alert:
        """An alert about a device, with the same key at any address. ``what`` distinguishes it from other alerts of the
        device.
        """
        alert = self.alert(proof, actor=subject_of(device), **fields)
        alert.key = "|".join(filter(None, (self.id, device.id, what)))
        return alert


def subject_of(device: Device) -> Subject:
    """The device as an endpoint: its MAC, and the last address, preferably IPv4."""
    held = device.addresses
    address = (
        next(iter(held), 0)
        if len(held) < 2
        else max(held.items(), key=lambda one: (addresses.is_v4(one[0]), one[1]))[0]
    )
    return Subject(device.macs[-1] if device.macs else 0, address, device.vlan)


def called(device: Device) -> str:
    """Known type, name and address of a device: ``printer PRN-3F (10.0.0.5)``."""
    return device_text(device, subject_of(device))


def is_randomised(device: Device) -> bool:
    """Whether it has only randomized MACs."""
    return bool(device.macs) and all(map(addresses.is_random_mac, device.macs))


def agree(one: str, other: str) -> bool:
    """Whether two types are equal, or one generalizes the other."""
    return one == other or other in WIDER.get(one, ()) or one in WIDER.get(other, ())


def set_by_operator(evidence: Iterable[Evidence]) -> bool:
    return any(one.family == "operator" for one in evidence)


def confidence_of(evidence: Iterable[Evidence]) -> float:
    """Combined confidence of evidence: the best of each family, families independent; without SLIGHT families."""
    best: dict[str, float] = {}
    for one in evidence:
        if one.family not in SLIGHT:
            best[one.family] = max(best.get(one.family, 0.0), one.confidence)
    doubt = 1.0
    for confidence in best.values():
        doubt *= 1 - confidence
    return 1 - doubt
