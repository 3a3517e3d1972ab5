"""Builders of device changes for device detectors: a device, its attributes and evidence, and its changes in hours
since it was first seen.
"""

from __future__ import annotations

from sensor.core.addresses import parse, parse_mac
from sensor.core.device import Attribute, Device, DeviceChange, FieldChange
from sensor.core.observation import Evidence
from sensor.core.time_units import HOUR
from tests.detectors.stories import START

MAC, HOST = "00:17:c8:1a:2b:3c", "10.0.2.5"


def claim(attribute: str, value: str, family: str = "mdns", *, confidence: float = 0.9, first: float = 0) -> Evidence:
    """One piece of evidence, first observed ``first`` hours after the device."""
    ts = START + int(first * HOUR)
    return Evidence(attribute, value, confidence, f"{family}.story", family, f"{family}.field", value, ts, ts)


def made(
    *evidence: Evidence,
    mac: str = MAC,
    host: str = HOST,
    key: str = "",
    name: str = "",
    vlan: int = 0,
    services: tuple[str, ...] = (),
) -> Device:
    """A device with evidence: the first value of an attribute is its current value, the others contest it."""
    attributes = {}
    for one in evidence:
        some = tuple(each for each in evidence if each.attribute == one.attribute)
        attributes.setdefault(
            one.attribute,
            Attribute(one.attribute, some[0].value, 0.9, some, any(each.value != some[0].value for each in some)),
        )
    return Device(
        f"dev-{mac[-2:]}", key or f"mac:{mac}", START, START, macs=(parse_mac(mac),), addresses={parse(host): START},
        names={name: START} if name else {},
        attributes=attributes, vlan=vlan, services=services,
    )  # fmt: skip


def change(hours: float, action: str, device: Device, **fields: tuple[str, str]) -> DeviceChange:
    """A device change, in hours after the device was first seen; ``fields``: (old, new)."""
    return DeviceChange(
        START + int(hours * HOUR), action, device, tuple(FieldChange(name, *values) for name, values in fields.items())
    )
