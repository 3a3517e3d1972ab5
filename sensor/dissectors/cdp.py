"""Cisco Discovery Protocol, versions 1 and 2: a device announces itself to its neighbours. Cisco has not published it
in full; formats are those of its public descriptions. Phones and cameras of other vendors and hypervisors send it too,
and switches of Dell and NETGEAR do as ISDP.

Reads the device id, addresses, port, capabilities, software, platform, VLANs, power, system name and object id,
management addresses and location. Ignores prefixes, the hello of clusters, trust, and the checksum. A query for the
voice VLAN comes from a phone; the reply is the switch's.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.der import OID, oid
from sensor.dissectors.shared.neighbour import (
    Announcement,
    address_facts,
    bit_names,
    fields,
    listed,
    observations,
    readable,
)
from sensor.dissectors.shared.truncation import incomplete

PROTOCOL = 0x2000
SNAP = bytes.fromhex("00000c2000")  # Cisco and its protocol; absent on Cisco HDLC
VERSIONS = (1, 2)
HEADER = 4  # version, life in seconds, checksum
DEVICE_ID = 1
ADDRESSES = 2
PORT = 3
CAPABILITIES = 4
SOFTWARE = 5
PLATFORM = 6
VTP_DOMAIN = 9
NATIVE_VLAN = 10
DUPLEX = 11
VOICE_REPLY = 14
VOICE_QUERY = 15
POWER_USED = 16
NAME = 20
OBJECT_ID = 21
MANAGEMENT = 22
LOCATION = 23
POWER_REQUESTED = 25
CAPABILITY_NAMES = (
    "router", "transparent_bridge", "source_bridge", "switch", "host", "igmp", "repeater", "telephone",
    "remotely_managed", "cvta", "two_port_relay",
)  # fmt: skip
OBJECT_ID_LIMIT = 40
# Cisco serial numbers: factory, year and week, and a running number. Older ones have nine digits.
_NAME_SERIAL = lazy_pattern(r"(?P<name>[^()]+)\((?P<serial>[A-Z]{3}\d{4}[A-Z0-9]{4})\)")
_SERIAL_NAME = lazy_pattern(r"(?P<serial>\d{9}|[A-Z]{3}\d{4}[A-Z0-9]{4})\((?P<name>[^()]+)\)")
_MAC = lazy_pattern(r"(?:[0-9a-fA-F]{2}[:.-]?){5}[0-9a-fA-F]{2}")


class CdpAnnouncement(Announcement):
    """A device and its port. ``chassis``: the complete device id; ``name``: the host name in it, or the system name.
    ``description``: the software's text. ``serial``: if the device id has it. ``power_mw``: power that the sender
    draws, otherwise requests. ``half_duplex``: of its port.
    """

    version: int = 0
    life_s: int = 0
    platform: str = ""
    serial: str = ""
    vtp_domain: str = ""
    object_id: str = ""
    location: str = ""
    power_mw: int = 0
    half_duplex: bool = False


class Cdp(Dissector):
    """Announcements are repeated every 60 s without changes."""

    interest = Interest(ethertypes=(PROTOCOL,), repeats_s=180)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        start = len(SNAP) if data.startswith(SNAP) else 0
        if len(data) < start + HEADER or data[start] not in VERSIONS:
            return iter(())
        found: dict[int, bytes] = {}
        for kind, value in fields(data, start + HEADER, packet.truncated, (SOFTWARE,)):
            found.setdefault(kind, value)
        if not found:
            return incomplete(packet, "announcement without fields")
        return iter(_announced(packet, data[start], data[start + 1], found))


def _announced(packet: Packet, version: int, ttl_s: int, found: dict[int, bytes]) -> list[Parsed]:
    device = readable(found.get(DEVICE_ID, b""))
    host, serial = _device_id(device)
    name = clean(found.get(NAME, b""))
    addresses = tuple(dict.fromkeys(listed(found.get(ADDRESSES, b"")) + listed(found.get(MANAGEMENT, b""))))
    event = CdpAnnouncement(
        packet, device, clean(found.get(PORT, b"")), name or host, clean(found.get(SOFTWARE, b"")),
        _capabilities(found.get(CAPABILITIES, b"")), addresses, _number(found, NATIVE_VLAN, 0),
        _number(found, VOICE_REPLY, 1) or _number(found, VOICE_QUERY, 1), version, ttl_s,
        clean(found.get(PLATFORM, b"")), serial, clean(found.get(VTP_DOMAIN, b"")),
        _object_id(found.get(OBJECT_ID, b"")), clean(found.get(LOCATION, b"")[1:]), _power(found),
        found.get(DUPLEX) == b"\0",
    )  # fmt: skip
    return [event, *observations(packet, _facts(event, host))]


def _facts(event: CdpAnnouncement, host: str) -> dict[tuple[str, str], None]:
    """(kind, value) of what the device announces about itself."""
    return {
        ("cdp.device_id", event.chassis): None,
        ("cdp.hostname", host): None,
        ("cdp.hostname", event.name): None,
        ("cdp.platform", event.platform): None,
        ("cdp.version", event.description): None,
        ("cdp.capabilities", ",".join(event.capabilities)): None,
        ("cdp.port", event.port): None,
        ("cdp.serial", event.serial): None,
        ("cdp.object_id", event.object_id): None,
    } | address_facts("cdp.address", event.addresses)


@functools.lru_cache(maxsize=1024)
def _device_id(device: str) -> tuple[str, str]:
    """(host name, serial number) in a device id: ``core1(FOX1234A5BC)`` of NX-OS, ``069000057(core1)`` of CatOS;
    otherwise the whole id is the name, unless it is a MAC.
    """
    if both := _NAME_SERIAL.fullmatch(device) or _SERIAL_NAME.fullmatch(device):
        return both["name"].strip(), both["serial"]
    return "" if _MAC.fullmatch(device) else device, ""


def _capabilities(value: bytes) -> tuple[str, ...]:
    return bit_names(int.from_bytes(value[:4], "big"), CAPABILITY_NAMES)


def _number(found: dict[int, bytes], kind: int, at: int) -> int:
    """A 16-bit field; 0 if it is missing or too short. The voice VLAN is preceded by a byte for its purpose."""
    return int.from_bytes(found.get(kind, b"")[at : at + 2], "big")


def _power(found: dict[int, bytes]) -> int:
    """Milliwatts drawn, otherwise the first requested value, which follows two ids."""
    return _number(found, POWER_USED, 0) or int.from_bytes(found.get(POWER_REQUESTED, b"")[4:8], "big")


def _object_id(value: bytes) -> str:
    """An SNMP object id, in BER with or without tag and length; empty if invalid."""
    if value[:1] == bytes((OID,)) and len(value) > 2 and value[1] == len(value) - 2:
        value = value[2:]
    try:
        return oid(value) if len(value) <= OBJECT_ID_LIMIT else ""
    except Malformed:
        return ""
