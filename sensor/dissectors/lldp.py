"""LLDP (IEEE 802.1AB-2016) with the fields of 802.1, 802.3 and LLDP-MED (ANSI/TIA-1057): a device announces itself to
its neighbours.

Reads names, descriptions, capabilities, management addresses, the VLANs of the port, classes, policies, power and the
inventory of LLDP-MED. Ignores locations, the link's speed and aggregation, and vendor-specific fields. A message with a
TTL of 0 announces that the port goes down and yields no facts. Switches without LLDP flood it, so the sender need not
be the directly connected device; it is always the author of the message.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator

from sensor.core.addresses import mac_text, text
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.neighbour import (
    ADDRESSES_LIMIT,
    FIELDS_LIMIT,
    Announcement,
    address_facts,
    address_of,
    bit_names,
    observations,
    readable,
)
from sensor.dissectors.shared.truncation import incomplete

ETHERTYPE = 0x88CC
END = 0
CHASSIS = 1
PORT = 2
LIFE = 3
PORT_DESCRIPTION = 4
NAME = 5
DESCRIPTION = 6
CAPABILITIES = 7
ADDRESS = 8
COMPANY = 127
MANDATORY = [CHASSIS, PORT, LIFE]  # in this order, before all others (9.2.7.1)
IEEE_802_1, IEEE_802_3, MED = b"\x00\x80\xc2", b"\x00\x12\x0f", b"\x00\x12\xbb"
# Table 8-4, bit by bit.
CAPABILITY_NAMES = (
    "other",
    "repeater",
    "bridge",
    "wlan_access_point",
    "router",
    "telephone",
    "docsis",
    "station",
    "c_vlan",
    "s_vlan",
    "two_port_relay",
)
# Subtypes of ids with a MAC and a network address (8.5.2.2 and 8.5.3.2).
MAC_IDS, NETWORK_IDS = {CHASSIS: 4, PORT: 3}, {CHASSIS: 5, PORT: 4}
ADDRESS_FAMILIES = {1: 4, 2: 16}  # IANA's numbers of IPv4 and IPv6 → size
PORT_VLAN, POWER_VIA_MDI = (IEEE_802_1, 1), (IEEE_802_3, 2)
MED_CLASS, MED_POLICY, MED_POWER = (MED, 1), (MED, 2), (MED, 4)
MED_CLASSES = {1: "endpoint", 2: "media_endpoint", 3: "communication_endpoint", 4: "network_connectivity"}
VOICE = 1
INVENTORY = {
    (MED, 5): "hardware",
    (MED, 6): "firmware",
    (MED, 7): "software",
    (MED, 8): "serial",
    (MED, 9): "manufacturer",
    (MED, 10): "model",
    (MED, 11): "asset",
}
# Placeholders that vendors send for empty values.
NOTHING = frozenset(
    (
        "",
        "-",
        "n/a",
        "na",
        "none",
        "null",
        "unknown",
        "not specified",
        "not available",
        "0",
        "to be filled by o.e.m.",
        "default string",
    )
)
_POLICY = struct.Struct("!I")


class LldpAnnouncement(Announcement):
    """A device and its port. ``life_s``: its validity. ``port_description``: the device's text. ``supported``:
    capabilities, enabled or not. ``med_class``: endpoint class of LLDP-MED, ``med``: its inventory by attribute
    (manufacturer, model, firmware …). ``power_mw``: requested or offered.
    """

    life_s: int = 0
    port_description: str = ""
    supported: tuple[str, ...] = ()
    med_class: str = ""
    med: tuple[tuple[str, str], ...] = ()
    power_mw: int = 0


class LldpShutdown(Event):
    """The port of a device goes down; neighbors must remove it (9.2.7.5)."""

    chassis: str
    port: str


class Lldp(Dissector):
    """Announcements are repeated every 30 s without changes."""

    interest = Interest(ethertypes=(ETHERTYPE,), repeats_s=120)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        found = _fields(packet.payload, packet.truncated)
        if [kind for kind, _ in found[:3]] != MANDATORY:
            return incomplete(packet, "chassis, port and life do not come first")
        chassis, port = _id(CHASSIS, found[0][1]), _id(PORT, found[1][1])
        ttl_s = int.from_bytes(found[2][1][:2], "big")
        if not ttl_s:
            return iter((LldpShutdown(packet, chassis, port),))
        return iter(_announced(packet, chassis, port, ttl_s, found[3:]))


def _fields(data: bytes, truncated: bool) -> list[tuple[int, bytes]]:
    """(type, value) of each field up to the end mark: seven bits of type and nine of length (8.4). A truncated field is
    left out.
    """
    found: list[tuple[int, bytes]] = []
    offset, end = 0, len(data)
    while offset + 2 <= end and len(found) < FIELDS_LIMIT:
        kind, size = data[offset] >> 1, (data[offset] & 1) << 8 | data[offset + 1]
        if kind == END:
            break
        offset += 2
        if offset + size > end:
            if truncated:
                break
            raise Malformed("field longer than the message")
        found.append((kind, data[offset : offset + size]))
        offset += size
    return found


def _announced(packet: Packet, chassis: str, port: str, ttl_s: int, found: list[tuple[int, bytes]]) -> list[Parsed]:
    texts: dict[int, str] = {}
    supported = enabled = 0
    addresses: list[int] = []
    extra: dict[tuple[bytes, int], bytes] = {}
    voice_vlan = 0
    for kind, value in found:
        if kind == COMPANY and len(value) >= 4:
            key = (value[:3], value[3])
            extra.setdefault(key, value[4:])
            if key == MED_POLICY and len(value) >= 8 and value[4] == VOICE:
                voice_vlan = _policy_vlan(value[4:8])
        elif kind in (NAME, DESCRIPTION, PORT_DESCRIPTION):
            texts.setdefault(kind, clean(value))
        elif kind == CAPABILITIES and len(value) >= 4:
            supported, enabled = value[0] << 8 | value[1], value[2] << 8 | value[3]
        elif kind == ADDRESS and len(addresses) < ADDRESSES_LIMIT and (address := _management(value)):
            addresses.append(address)
    inventory = {word: piece for key, word in INVENTORY.items() if (piece := _piece(extra.get(key, b"")))}
    event = LldpAnnouncement(
        packet, chassis, port, texts.get(NAME, ""), texts.get(DESCRIPTION, ""), bit_names(enabled, CAPABILITY_NAMES),
        tuple(dict.fromkeys(addresses)), int.from_bytes(extra.get(PORT_VLAN, b"")[:2], "big"), voice_vlan, ttl_s,
        texts.get(PORT_DESCRIPTION, ""), bit_names(supported, CAPABILITY_NAMES), _class(extra.get(MED_CLASS, b"")),
        tuple(inventory.items()), _power(extra.get(MED_POWER, b""), extra.get(POWER_VIA_MDI, b"")),
    )  # fmt: skip
    return [event, *observations(packet, _facts(event, inventory))]


def _facts(event: LldpAnnouncement, inventory: dict[str, str]) -> dict[tuple[str, str], None]:
    """(kind, value) of what the device announces about itself. A port id that is a MAC or an address adds nothing to
    the chassis id.
    """
    facts: dict[tuple[str, str], None] = {
        ("lldp.hostname", event.name): None,
        ("lldp.system_description", event.description): None,
        ("lldp.chassis", event.chassis): None,
        ("lldp.port", event.port): None,
        ("lldp.capabilities", ",".join(event.capabilities)): None,
        ("lldp.med_class", event.med_class): None,
    }
    facts |= {(f"lldp.med_{word}", value): None for word, value in inventory.items()}
    return facts | address_facts("lldp.address", event.addresses)


@functools.lru_cache(maxsize=1024)
def _id(kind: int, value: bytes) -> str:
    """An id as text, by its subtype byte."""
    if len(value) < 2:
        raise Malformed("id without a value")
    subtype, body = value[0], value[1:]
    if subtype == MAC_IDS[kind] and len(body) == 6:
        return mac_text(int.from_bytes(body, "big"))
    if subtype == NETWORK_IDS[kind] and ADDRESS_FAMILIES.get(body[0]) == len(body) - 1:
        return text(address) if (address := address_of(body[1:])) else ""
    return readable(body)


def _management(value: bytes) -> int:
    """The management address (8.5.9); 0 for other families. Its length includes the byte of the family."""
    if len(value) < 2 or ADDRESS_FAMILIES.get(value[1]) != value[0] - 1:
        return 0
    return address_of(value[2 : 1 + value[0]])


@functools.lru_cache(maxsize=1024)
def _piece(value: bytes) -> str:
    """A text of the inventory; empty if it is a placeholder."""
    piece = clean(value)
    return "" if piece.lower() in NOTHING else piece


def _class(value: bytes) -> str:
    return MED_CLASSES.get(value[2], "") if len(value) >= 3 else ""


def _policy_vlan(value: bytes) -> int:
    """VLAN of a network policy (TIA-1057, 10.2.3): 12 bits after the application and three flags; 0 if the policy is
    unknown.
    """
    (bits,) = _POLICY.unpack(value)
    return 0 if bits >> 23 & 1 else bits >> 9 & 0xFFF


def _power(med: bytes, mdi: bytes) -> int:
    """Milliwatts requested or offered: LLDP-MED uses tenths of a watt, and so does 802.3at, which appends type,
    requested and allocated power to the older three bytes.
    """
    if len(med) >= 3:
        return (med[1] << 8 | med[2]) * 100
    return (mdi[4] << 8 | mdi[5]) * 100 if len(mdi) >= 6 else 0
