"""Extreme Discovery Protocol: switches of Extreme Networks announce themselves to their neighbours. It was never
published; this parses what is commonly known: the name, slot and port, the software version, and the VLANs with their
addresses.

Ignores ESRP, EAPS and ELRP, which travel in the same frames, and the checksum.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.addresses import mac_text
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.neighbour import (
    ADDRESSES_LIMIT,
    FIELDS_LIMIT,
    Announcement,
    address_facts,
    address_of,
    observations,
)

PROTOCOL = 0x00BB
SNAP = bytes.fromhex("00e02b00bb")  # Extreme and its protocol
VERSION = 1
MARKER = 0x99  # before each field
END, NAME, SYSTEM, VLAN = 0, 1, 2, 5
VLANS_LIMIT = 64
_HEADER = struct.Struct("!BxHHHHHI")  # version, length, checksum, sequence, kind of id, the MAC in two parts
_SYSTEM = struct.Struct("!HHH6xBBBB")  # slot, port, virtual chassis, software version in four numbers
_VLAN = struct.Struct("!BxHI4s")  # flags, id, nothing, address


class EdpAnnouncement(Announcement):
    """A switch and its port as ``slot/port``. ``description``: the software version. ``vlans``: (id, name) of those it
    announces, in one or more messages.
    """

    vlans: tuple[tuple[int, str], ...] = ()


class Edp(Dissector):
    """Announcements are sent every 60 s with a running number; the number and the checksum are ignored in
    comparisons.
    """

    interest = Interest(ethertypes=(PROTOCOL,), repeats_s=180, volatile=(9, 13))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        start = len(SNAP)
        if not data.startswith(SNAP) or len(data) < start + _HEADER.size or data[start] != VERSION:
            return iter(())
        _, size, _, _, _, mac_hi, mac_lo = _HEADER.unpack_from(data, start)
        end = start + size
        if end > len(data) and not packet.truncated:
            raise Malformed("length larger than the frame")
        found = _fields(data[:end], start + _HEADER.size, packet.truncated)
        if not found and packet.truncated:
            return iter(())
        return iter(_announced(packet, mac_text(mac_hi << 32 | mac_lo), found))


def _fields(data: bytes, offset: int, truncated: bool) -> list[tuple[int, bytes]]:
    """(type, value) of each field up to the end mark. A truncated field is left out."""
    found: list[tuple[int, bytes]] = []
    end = len(data)
    while offset + 4 <= end and len(found) < FIELDS_LIMIT and data[offset] == MARKER:
        stop = offset + (data[offset + 2] << 8 | data[offset + 3])
        if stop < offset + 4:
            raise Malformed("field shorter than its own header")
        if data[offset + 1] == END:
            break
        if stop > end:
            if truncated:
                break
            raise Malformed("field longer than the message")
        found.append((data[offset + 1], data[offset + 4 : stop]))
        offset = stop
    return found


def _announced(packet: Packet, chassis: str, found: list[tuple[int, bytes]]) -> list[Parsed]:
    name = port = version = ""
    vlans: list[tuple[int, str]] = []
    addresses: dict[int, None] = {}
    for kind, value in found:
        if kind == NAME:
            name = name or clean(value.partition(b"\0")[0])
        elif kind == SYSTEM and len(value) >= _SYSTEM.size:
            slot, number, _, *numbers = _SYSTEM.unpack_from(value)
            port, version = f"{slot + 1}/{number + 1}", ".".join(map(str, numbers))
        elif kind == VLAN and len(value) >= _VLAN.size and len(vlans) < VLANS_LIMIT:
            _, tag, _, raw = _VLAN.unpack_from(value)
            vlans.append((tag, clean(value[_VLAN.size :].partition(b"\0")[0])))
            if (address := address_of(raw)) and len(addresses) < ADDRESSES_LIMIT:
                addresses[address] = None
    event = EdpAnnouncement(packet, chassis, port, name, version, (), tuple(addresses), vlans=tuple(vlans))
    facts: dict[tuple[str, str], None] = {
        ("edp.hostname", name): None,
        ("edp.version", version): None,
        ("edp.chassis", chassis): None,
        ("edp.port", port): None,
    }
    return [event, *observations(packet, facts | address_facts("edp.address", event.addresses))]
