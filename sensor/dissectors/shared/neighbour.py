"""Shared by neighbor discovery protocols (LLDP, CDP and similar): the event, and the conversion of capabilities, ids
and addresses to text.
"""

from __future__ import annotations

import functools

from sensor.core.addresses import Address, is_host, text, v4
from sensor.core.dissector import Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.sender_facts import facts

ADDRESSES_LIMIT = 16
FIELDS_LIMIT = 128


class Announcement(Event):
    """A device announces its identity and the port that sent the frame; the receiver is connected to that port.

    ``chassis``: identifies the device (a MAC, an address, a serial number), ``name``: its host name, ``description``:
    its description of hardware and software; all empty if not sent. ``vlan``: untagged VLAN of the port,
    ``voice_vlan``: the one for phones; 0 if not sent.
    """

    chassis: str
    port: str
    name: str
    description: str
    capabilities: tuple[str, ...]
    addresses: tuple[Address, ...]
    vlan: int = 0
    voice_vlan: int = 0


def observations(packet: Packet, values: dict[tuple[str, str], None]) -> list[Parsed]:
    """An observation for each (kind, value) about the device that sent the frame; none for empty values. On serial
    links the sender has no address, so there are none.
    """
    if not packet.src_mac and not packet.src:
        return []
    return facts(packet, values)


@functools.lru_cache(maxsize=256)
def bit_names(bits: int, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of set bits, lowest first."""
    return tuple([name for place, name in enumerate(names) if bits >> place & 1])


@functools.lru_cache(maxsize=1024)
def readable(raw: bytes) -> str:
    """The bytes as text if they are text, otherwise in hex: ids may be either."""
    body = raw.rstrip(b"\0")
    try:
        if body.decode("utf-8").isprintable():
            return clean(body)
    except UnicodeDecodeError:
        pass
    return raw[:32].hex(":")


def address_of(raw: bytes) -> int:
    """The address in these bytes; 0 if it is not a valid host address."""
    if len(raw) == 4:
        address = v4(int.from_bytes(raw, "big"))
    elif len(raw) == 16:
        address = int.from_bytes(raw, "big")
    else:
        return 0
    return address if is_host(address) else 0


def address_facts(kind: str, addresses: tuple[int, ...]) -> dict[tuple[str, str], None]:
    return {(kind, text(address)): None for address in addresses}


def fields(data: bytes, offset: int, truncated: bool, texts: tuple[int, ...] = ()) -> list[tuple[int, bytes]]:
    """(type, value) of fields with 16-bit type and length, the length including both (CDP, FDP). A truncated field is
    left out; for types in ``texts`` its beginning is a value, too.
    """
    found: list[tuple[int, bytes]] = []
    end = len(data)
    while offset + 4 <= end and len(found) < FIELDS_LIMIT:
        stop = offset + (data[offset + 2] << 8 | data[offset + 3])
        if stop < offset + 4:
            raise Malformed("field shorter than its own header")
        kind = data[offset] << 8 | data[offset + 1]
        if stop > end and not truncated:
            raise Malformed("field longer than the message")
        if stop > end and kind not in texts:
            return found
        found.append((kind, data[offset + 4 : stop]))
        offset = stop
    return found


def listed(value: bytes) -> tuple[int, ...]:
    """The addresses of a list in CDP and FDP: number, then protocol type, protocol, address, the last two
    length-prefixed. A list that ends early is not an error: some devices send a wrong number.
    """
    found: list[int] = []
    offset, end = 4, len(value)
    while offset + 2 <= end and len(found) < ADDRESSES_LIMIT:
        offset += 2 + value[offset + 1]
        if offset + 2 > end:
            break
        size = value[offset] << 8 | value[offset + 1]
        offset += 2 + size
        if offset <= end and (address := address_of(value[offset - size : offset])):
            found.append(address)
    return tuple(dict.fromkeys(found))
