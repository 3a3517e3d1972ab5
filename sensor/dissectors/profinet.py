"""PROFINET discovery and configuration (DCP; IEC 61158-6-10, 4.3): stations by name, vendor, role and address, and
requests that name a station, give it an address or reset it.

Reads searches, responses, announcements and Set requests. Cyclic data and alarms, which have the same ethertype and
other frame ids, are not selected.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.addresses import text, v4
from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors.shared.discovery import Discovery
from sensor.dissectors.shared.sender_facts import facts

ETHERTYPE = 0x8892
HELLO, GET_SET, SEARCH, FOUND = 0xFEFC, 0xFEFD, 0xFEFE, 0xFEFF
FRAMES = frozenset((HELLO, GET_SET, SEARCH, FOUND))
SET = 4
REQUEST, SUCCESS = 0, 1
# Blocks: option and suboption (table of DCP options).
ADDRESS, ADDRESS_SUITE, TYPE, NAME, IDENTITY, ROLE = (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (2, 4)
CHANGES = {
    ADDRESS: "set address", ADDRESS_SUITE: "set address", NAME: "set name", (5, 5): "factory reset",
    (5, 6): "factory reset",
}  # fmt: skip
ROLES = ((2, "IO controller"), (8, "IO supervisor"), (4, "IO multidevice"), (1, "IO device"))
BLOCKS_LIMIT = 32
NAME_LIMIT = 240
Block = tuple[tuple[int, int], bytes]


class ProfinetSearch(Event):
    """A search for stations. ``station``: the name that is searched for, empty for all."""

    station: str


class ProfinetDevice(Event):
    """A station describes itself. ``role``: empty if not sent; ``address``: as text, empty if it has none."""

    station: str
    model: str
    vendor: int
    device: int
    role: str
    address: str


class ProfinetRequest(Event):
    """A request that changes a station. ``name``: of the change; ``value``: the new name or address."""

    name: str
    value: str


class ProfinetMessage(Event):
    """Any other message, by its frame id and service."""

    frame: int
    service: int


class Profinet(Discovery):
    """Searches repeat; an identical frame within a few seconds is dropped."""

    interest = Interest(ethertypes=(ETHERTYPE,), repeats_s=5)

    def read(self, packet: Packet) -> list[Parsed]:
        reader = Reader(packet.payload)
        frame = reader.u16() if reader.left > 1 else 0
        if frame not in FRAMES:
            return []
        service, kind = reader.u8(), reader.u8()
        reader.skip(6)  # transaction, delay of the response
        size = reader.u16()
        body = Reader(packet.payload, reader.offset, min(reader.offset + size, len(packet.payload)))
        if body.left < size:
            raise Malformed("blocks longer than the frame")
        if frame == SEARCH:
            return [ProfinetSearch(packet, _searched(body))]
        if service == SET and kind == REQUEST:
            return _changes(packet, body)
        if (frame, kind) == (HELLO, REQUEST) or (kind == SUCCESS and service != SET):
            return _device(packet, dict(_blocks(body)))
        return [ProfinetMessage(packet, frame, service)]


def _blocks(reader: Reader, prefix: int = 2) -> Iterator[Block]:
    """Options with their values, without the ``prefix``: information or qualifier. Blocks have an even length."""
    for _ in range(BLOCKS_LIMIT):
        if reader.left < 4:
            return
        option = reader.u8(), reader.u8()
        value = reader.take(reader.u16())
        if len(value) & 1 and reader.left:
            reader.skip(1)
        yield option, value[prefix:]


def _searched(reader: Reader) -> str:
    return next((clean(value, NAME_LIMIT) for option, value in _blocks(reader, 0) if option == NAME), "")


def _changes(packet: Packet, reader: Reader) -> list[Parsed]:
    changes: list[Parsed] = []
    for option, value in _blocks(reader):
        if option in CHANGES:
            changes.append(ProfinetRequest(packet, CHANGES[option], _value(option, value)))
    return changes or [ProfinetMessage(packet, GET_SET, SET)]


def _value(option: tuple[int, int], value: bytes) -> str:
    if option == NAME:
        return clean(value, NAME_LIMIT)
    return _address(value) if option in (ADDRESS, ADDRESS_SUITE) else ""


def _address(value: bytes) -> str:
    """An IPv4 address in front of mask and gateway; empty if it is 0.0.0.0."""
    number = int.from_bytes(value[:4], "big") if len(value) >= 4 else 0
    return text(v4(number)) if number else ""


def _device(packet: Packet, blocks: dict[tuple[int, int], bytes]) -> list[Parsed]:
    station, model = (clean(blocks.get(option, b""), NAME_LIMIT) for option in (NAME, TYPE))
    identity, roles = blocks.get(IDENTITY, b""), blocks.get(ROLE, b"\0")
    vendor, device = (int.from_bytes(identity[at : at + 2], "big") for at in (0, 2))
    role = next((name for bit, name in ROLES if roles and roles[0] & bit), "")
    address = _address(blocks.get(ADDRESS, b"") or blocks.get(ADDRESS_SUITE, b""))
    pairs = [("profinet.device_name", station), ("profinet.model", model), ("profinet.role", role)]
    if vendor:
        pairs += [("profinet.vendor_id", str(vendor))]
    return [ProfinetDevice(packet, station, model, vendor, device, role, address), *facts(packet, pairs)]
