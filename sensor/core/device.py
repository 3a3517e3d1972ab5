"""Device: something on the network, with names, addresses and attributes, each of which shows its evidence."""

from __future__ import annotations

import msgspec

from sensor.core.observation import Evidence

TYPES = (
    "printer voip_phone tv camera nvr conferencing media_player speaker hub smart_plug light sensor appliance scale thermostat door_access intercom nas ups "
    "router access_point switch firewall workstation server mobile tablet game_console wearable barcode_scanner label_printer signage medical building "
    "industrial iot unknown"
).split()

# Devices with one job: none of them has any business administering another machine.
FIXED_FUNCTION = frozenset(
    "printer voip_phone tv camera nvr conferencing media_player speaker hub smart_plug light sensor appliance scale thermostat door_access intercom ups "
    "barcode_scanner label_printer signage medical building iot".split()
)


class Attribute(msgspec.Struct, frozen=True, gc=False):
    """A value with how sure we are (0 to 1), the evidence for it (never empty) and whether other evidence contradicts it."""

    name: str
    value: str
    confidence: float
    evidence: tuple[Evidence, ...]
    contested: bool = False

    def __post_init__(self) -> None:
        if not self.evidence:
            raise ValueError(f"attribute {self.name} without evidence")


class Device(msgspec.Struct):
    """``key`` is what identity rests on (``mac:…`` or ``ip:…``), ``id`` a short stable name made from it. ``addresses``: address → last seen, ns.

    ``services``: what it answers at, as ``ipp/631``.
    """

    id: str
    key: str
    first: int
    last: int
    macs: tuple[int, ...] = ()
    addresses: dict[int, int] = {}
    vlan: int = 0
    names: dict[str, int] = {}
    attributes: dict[str, Attribute] = {}
    roles: frozenset[str] = frozenset()
    services: tuple[str, ...] = ()

    def value(self, name: str) -> str:
        """The value of an attribute; empty where unknown."""
        attribute = self.attributes.get(name)
        return attribute.value if attribute else ""

    @property
    def type(self) -> str:
        return self.value("type") or "unknown"

    @property
    def fixed_function(self) -> bool:
        return self.type in FIXED_FUNCTION

    @property
    def label(self) -> str:
        """How to call it in a sentence: its name, else vendor and model, else its address."""
        return next(iter(self.names), "") or " ".join(filter(None, (self.value("vendor"), self.value("model"))))


class FieldChange(msgspec.Struct, frozen=True):
    """One field of a device that is not what it was."""

    field: str
    old: str
    new: str


class DeviceChange(msgspec.Struct, frozen=True):
    """Something the inventory has to tell. ``action``: new, identified, changed, address_changed, merged, split, gone, back (events.md)."""

    ts: int
    action: str
    device: Device
    changes: tuple[FieldChange, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    note: str = ""
