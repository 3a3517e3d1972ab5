"""Devices with attributes and their evidence, for checks of many devices."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from sensor.core.addresses import parse, segment
from sensor.core.device import Attribute, Device
from sensor.core.observation import Evidence
from sensor.inventory.record import Record
from sensor.inventory.reporting import Reported
from sensor.inventory.roster import Member
from tests.detectors.stories import START, World
from tests.detectors.stories import device as named

REPORTED = ("type", "vendor", "model", "firmware", "os", "software")


def known(
    kind: str, address: str, name: str = "", *, by: str = "lldp.system_description", ts: int = START, **reported: str
) -> Device:
    """A device whose attributes come from packets of one kind, and its name from DHCP."""
    made = msgspec.structs.replace(named(kind, address, name), id=f"dev-{parse(address) & 0xFFFFFFFF:08x}")
    made.attributes |= {
        attribute: Attribute(
            attribute,
            value,
            0.9,
            (
                Evidence(
                    attribute, value, 0.9, f"{by}.entry", by.partition(".")[0], by, f"all of {value}", START, ts, 3
                ),
            ),
        )
        for attribute, value in reported.items()
    }
    if name:
        known_by = made.attributes["type"].evidence[0]
        came = Evidence("type", kind, 0.5, "hostname.default.x", "hostname", "dhcp.hostname", name, START, ts, 2)
        made.attributes["type"] = Attribute("type", kind, 0.9, (known_by, came))
    made.last = ts
    return made


def member(
    device: Device, *, gone: bool = False, quiet: bool = False, stale: bool = False, seen: int | None = None
) -> Member:
    """The device as an inventory item. ``quiet``: only its attributes are available; ``stale``: packets changed it
    since it was read; ``seen``: when it was last seen and reported, ns.
    """
    reported = [device.value(attribute) for attribute in REPORTED]
    shown = msgspec.structs.replace(device, names={}, attributes={}) if quiet else device
    record = Record(device.first, device.key, 0, 0)
    record.stale = stale
    if seen is not None:
        record.last, record.reported = seen, Reported(device, (), seen)
    return Member(shown, reported[0] or "unknown", *reported[1:], gone=gone, quiet=quiet, record=record)


def living(world: World, devices: Iterable[Device]) -> World:
    """The same context with these devices, which were active."""
    for each in devices:
        address = parse(each.key.removeprefix("ip:"))
        world.devices[address] = (
            msgspec.structs.replace(each, addresses={address: each.last}) if not each.addresses else each
        )
        world.devices[address].addresses[address] = each.last
    return world


def populated(world: World, kinds: dict[str, int], where: str = "10.0.0.0/24") -> World:
    """The same context with a baseline of a segment that has these numbers of devices by type."""
    number = 0
    for kind, count in kinds.items():
        for _ in range(count):
            number += 1
            body = f'{{"kind":"{kind}","segment":"{segment(parse(where.partition("/")[0]))}","first":1,"last":2,"hours":1}}'
            world.baseline.restore(f"dev-{where}-{number}", body)
    return world
