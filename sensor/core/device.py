"""Device: a host on the network, with names, addresses and attributes, each with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from sensor.core.observation import Evidence

TYPES = (
    "printer voip_phone tv camera nvr conferencing media_player speaker hub smart_plug light sensor "
    "appliance scale thermostat door_access intercom nas ups "
    "router access_point wireless_controller switch firewall workstation server mobile tablet game_console wearable "
    "barcode_scanner label_printer signage medical building "
    "industrial iot unknown"
).split()

# Attributes whose changes are reported, and all fields of such changes.
REPORTED = ("type", "vendor", "model", "firmware", "serial", "os", "owner", "criticality", "tags", "software")
CHANGING = (*REPORTED, "hostname", "ips")

# Fixed-function devices: none has a reason to administer another host.
FIXED_FUNCTION = frozenset(
    "printer voip_phone tv camera nvr conferencing media_player speaker hub smart_plug light sensor "
    "appliance scale thermostat door_access intercom ups "
    "barcode_scanner label_printer signage medical building iot".split()
)

# General types and the specific types that agree with them. Windows and Android are systems, not types: evidence for a
# PC or phone that rests only on its system agrees with room systems, consoles and panels built on it. Recorders send
# video with the protocols of cameras. Firewalls, routers, switches and access points may contain a wireless controller.
WIDER: dict[str, frozenset[str]] = {
    "iot": frozenset(
        "camera nvr media_player speaker hub smart_plug light sensor appliance scale thermostat "
        "door_access intercom ups wearable signage tv printer "
        "conferencing medical building industrial access_point router barcode_scanner voip_phone nas "
        "label_printer".split()
    ),
    "workstation": frozenset(
        "server conferencing signage medical nvr industrial barcode_scanner tablet building".split()
    ),
    "server": frozenset("nas nvr hub".split()),
    "mobile": frozenset(
        "tablet wearable tv media_player conferencing voip_phone barcode_scanner signage speaker hub".split()
    ),
    "media_player": frozenset("tv speaker game_console".split()),
    "voip_phone": frozenset("conferencing intercom".split()),
    "camera": frozenset(("intercom", "nvr")),
    "router": frozenset("access_point firewall wireless_controller".split()),
    "wireless_controller": frozenset("access_point firewall switch".split()),
    "printer": frozenset(("label_printer",)),
}


class Lease(NamedTuple):
    """A period in which a device had an address. Times in ns; ``held``: it still has it."""

    device: str
    first: int
    last: int
    held: bool


class Attribute(msgspec.Struct, frozen=True, gc=False):
    """A value with its confidence (0 to 1), its evidence (never empty) and whether other evidence contradicts it."""

    name: str
    value: str
    confidence: float
    evidence: tuple[Evidence, ...]
    contested: bool = False

    def __post_init__(self) -> None:
        if not self.evidence:
            raise ValueError(f"attribute {self.name} without evidence")


class Device(msgspec.Struct):
    """``key`` is the basis of its identity (``mac:…`` or ``ip:…``), ``id`` a short stable name derived from it.
    ``addresses``: address → last seen, ns.

    ``services``: the services it offers, as ``ipp/631``.
    """

    id: str
    key: str
    first: int
    last: int
    macs: tuple[int, ...] = ()
    addresses: Mapping[int, int] = {}
    vlan: int = 0
    names: dict[str, int] = {}
    attributes: dict[str, Attribute] = {}
    roles: frozenset[str] = frozenset()
    services: tuple[str, ...] = ()

    def value(self, name: str) -> str:
        """The value of an attribute; empty if unknown."""
        attribute = self.attributes.get(name)
        return attribute.value if attribute else ""

    @property
    def type(self) -> str:
        return self.value("type") or "unknown"

    @property
    def fixed_function(self) -> bool:
        kind = self.attributes.get("type")
        return kind is not None and kind.value in FIXED_FUNCTION

    @property
    def label(self) -> str:
        """Its name in sentences: host name, else vendor and model, else address."""
        return next(iter(self.names), "") or " ".join(filter(None, (self.value("vendor"), self.value("model"))))


class FieldChange(msgspec.Struct, frozen=True):
    """One changed field of a device."""

    field: str
    old: str
    new: str


class DeviceChange(msgspec.Struct, frozen=True):
    """A device change reported by the inventory. ``action``: new, identified, changed, address_changed, merged, split,
    gone, back (events.md).
    """

    ts: int
    action: str
    device: Device
    changes: tuple[FieldChange, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    note: str = ""
