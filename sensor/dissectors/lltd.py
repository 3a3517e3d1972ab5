"""LLTD (MS-LLTD): the network map of Windows. A mapper sends Discover, and responders describe themselves with a Hello:
Windows hosts, routers, access points, printers and network storage with Microsoft's Rally kit.

Reads both messages of topology discovery and quick discovery. Ignores the tests of the topology (Emit, Probe, Query),
the QoS diagnostics, and properties that are longer than a frame, such as icons: only their presence is noted.
"""

from __future__ import annotations

import struct

from sensor.core.addresses import Address, mac_text, text
from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.discovery import Discovery, is_own
from sensor.dissectors.shared.neighbour import ADDRESSES_LIMIT, FIELDS_LIMIT, address_of, bit_names
from sensor.dissectors.shared.sender_facts import facts

ETHERTYPE = 0x88D9
VERSION = 1
TOPOLOGY, QUICK = 0, 1  # types of service
DISCOVER, HELLO = 0, 1
# Types of properties (2.2.1.3).
END, HOST_ID, CHARACTERISTICS, SSID, IPV4, IPV6, FREQUENCY, NAME, SUPPORT, UUID = 0, 1, 2, 6, 7, 8, 10, 15, 16, 18
LARGE = {0x0E: "icon", 0x11: "friendly_name", 0x13: "hardware_id", 0x16: "ap_association_table"}
SIZES = {HOST_ID: 6, CHARACTERISTICS: 4, IPV4: 4, IPV6: 16, FREQUENCY: 8, UUID: 16}
BITS = ("loopback", "web_page", "full_duplex", "nat_private", "nat_public")  # the five highest bits, lowest first
_HEAD = struct.Struct("!BBxB6x6sH")  # version, service, function, real source, transaction
_DISCOVER = struct.Struct("!HH")  # generation, number of stations
_HELLO_SIZE = 14  # generation, mapper and its apparent address


class LltdDiscover(Event):
    """A mapper asks all hosts of its segment to describe themselves; ``quick``: without a test of the topology.
    ``stations``: how many it knows already.
    """

    quick: bool
    stations: int


class LltdHello(Event):
    """A responder describes itself. ``features``: characteristics and large properties by name. ``frequency_hz``: of
    its performance counter. ``own``: the sender of the frame is the responder, not a wireless repeater.
    """

    name: str
    mac: int
    addresses: tuple[Address, ...]
    features: tuple[str, ...]
    frequency_hz: int
    ssid: str
    support: str
    uuid: str
    own: bool


class Lltd(Discovery):
    """Responders repeat a Hello until the mapper acknowledges it; transaction and generation are not compared."""

    interest = Interest(ethertypes=(ETHERTYPE,), repeats_s=60, volatile=(16, 20))

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if len(data) < _HEAD.size:
            return []
        version, service, function, source, _ = _HEAD.unpack_from(data)
        if version != VERSION or service not in (TOPOLOGY, QUICK):
            return []
        if function == DISCOVER:
            if len(data) < _HEAD.size + _DISCOVER.size:
                raise Malformed("message ends early")
            event = LltdDiscover(packet, service == QUICK, _DISCOVER.unpack_from(data, _HEAD.size)[1])
            return [event, *facts(packet, [("lltd.mapper", "quick" if event.quick else "topology")])]
        if function != HELLO:
            return []
        return _described(packet, int.from_bytes(source, "big"), _properties(data, _HEAD.size + _HELLO_SIZE))


def _properties(data: bytes, offset: int) -> dict[int, list[bytes]]:
    """Values by type, up to the end mark, which has no length."""
    found: dict[int, list[bytes]] = {}
    for _ in range(FIELDS_LIMIT):
        if offset >= len(data):
            raise Malformed("no end of properties")
        kind = data[offset]
        if kind == END:
            return found
        start = offset + 2
        offset = start + data[offset + 1] if start <= len(data) else start
        if offset > len(data):
            raise Malformed("property longer than the message")
        if SIZES.get(kind, offset - start) == offset - start:
            found.setdefault(kind, []).append(data[start:offset])
    raise Malformed("too many properties")


def _described(packet: Packet, source: int, found: dict[int, list[bytes]]) -> list[Parsed]:
    def first(kind: int) -> bytes:
        return found.get(kind, [b""])[0]

    bits = bit_names(int.from_bytes(first(CHARACTERISTICS), "big") >> 27, BITS)
    event = LltdHello(
        packet,
        _wide(first(NAME)),
        int.from_bytes(first(HOST_ID), "big") or source,
        tuple(filter(None, map(address_of, (found.get(IPV4, []) + found.get(IPV6, []))[:ADDRESSES_LIMIT]))),
        (*bits, *(name for kind, name in LARGE.items() if kind in found)),
        int.from_bytes(first(FREQUENCY), "big"),
        clean(first(SSID)),
        _wide(first(SUPPORT)),
        _uuid(first(UUID)),
        is_own(packet, source),
    )
    if not event.own:
        return [event]
    pairs = [
        ("lltd.hostname", event.name),
        ("lltd.mac", mac_text(event.mac) if event.mac != source else ""),
        *(("lltd.address", text(address)) for address in event.addresses),
        *(("lltd.feature", feature) for feature in event.features),
        ("lltd.frequency", str(event.frequency_hz or "")),
        ("lltd.ssid", event.ssid),
        ("lltd.support", event.support),
        ("lltd.uuid", event.uuid),
    ]
    return [event, *facts(packet, pairs)]


def _wide(raw: bytes) -> str:
    """Text in UTF-16, little-endian; some end it with a zero."""
    return clean(raw.decode("utf-16-le", "replace").partition("\0")[0])


def _uuid(raw: bytes) -> str:
    digits = raw.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])) if raw.strip(b"\0") else ""
