"""IPv6 neighbor discovery (RFC 4861; DNS servers in advertisements RFC 8106): addresses of hosts, and routers.

Reads router and neighbor solicitations and advertisements and redirects. Ignores secured discovery (RFC 3971), unknown
options, and the checksum. Messages with a hop limit other than 255 were forwarded by a router and are not neighbor
discovery (section 6.1 and 7.1).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.addresses import Address, is_group_mac, is_multicast, text
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.observation import Observation, Subject
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.truncation import incomplete

ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT, REDIRECT = range(133, 138)
FIXED_SIZES = {
    ROUTER_SOLICITATION: 8,
    ROUTER_ADVERTISEMENT: 16,
    NEIGHBOUR_SOLICITATION: 24,
    NEIGHBOUR_ADVERTISEMENT: 24,
    REDIRECT: 40,
}
HOP_LIMIT = 255
OPTIONS_LIMIT = 64
SOURCE_MAC, TARGET_MAC, PREFIX, MTU, DNS_SERVERS = 1, 2, 3, 5, 25
_ADVERTISED = struct.Struct("!BBH")  # hop limit for hosts, flags, router lifetime in seconds


class NdpRouterSolicitation(Event):
    """A host looks for routers. ``mac``: from the option, otherwise that of the frame."""

    mac: int


class NdpRouterAdvertisement(Event):
    """A router advertises itself. ``lifetime_s`` 0: not a default router. ``prefixes``: (first address, bits);
    ``managed``: addresses are assigned by DHCPv6.
    """

    mac: int
    lifetime_s: int
    managed: bool
    prefixes: tuple[tuple[Address, int], ...] = ()
    dns: tuple[Address, ...] = ()
    mtu: int = 0


class NdpBrokenOption(Event):
    """An advertisement with an option of a length that its type does not have: ``length`` in units of 8 bytes."""

    option: int
    length: int


class NdpNeighbourSolicitation(Event):
    """Who has ``target``? ``sender`` is 0 in duplicate address detection (RFC 4862, 5.4), which claims nothing."""

    mac: int
    sender: Address
    target: Address


class NdpNeighbourAdvertisement(Event):
    """``target`` is at ``mac``."""

    mac: int
    target: Address
    router: bool
    solicited: bool
    override: bool


class NdpRedirect(Event):
    """Send traffic for ``destination`` to ``target`` instead, which is at ``mac`` (0 if not sent)."""

    mac: int
    target: Address
    destination: Address


class Ndp(Dissector):
    """Payloads are whole ICMPv6 messages from the type byte on."""

    interest = Interest(icmp6=tuple(FIXED_SIZES), repeats_s=4)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        size = FIXED_SIZES.get(data[0]) if data else None
        if data and size is None:
            return iter(())
        if size is None or len(data) < size:
            return incomplete(packet)
        if packet.ttl != HOP_LIMIT or data[1]:
            raise Malformed("hop limit or code that neighbour discovery does not allow")
        return iter(_READERS[data[0]](packet, data, _options(data, size, packet.truncated)))


def _options(data: bytes, offset: int, truncated: bool) -> list[tuple[int, bytes]]:
    """(type, bytes after type and length) of each option; lengths count in units of 8 bytes (section 4.6)."""
    options: list[tuple[int, bytes]] = []
    end = len(data)
    while offset + 2 <= end and len(options) < OPTIONS_LIMIT:
        stop = offset + data[offset + 1] * 8
        if stop == offset:
            raise Malformed("option of length zero")
        if stop > end:
            if truncated:
                break
            raise Malformed("option longer than the message")
        options.append((data[offset], data[offset + 2 : stop]))
        offset = stop
    return options


def _mac(options: list[tuple[int, bytes]], wanted: int) -> int:
    """The link-layer address in an option; 0 unless it has six bytes."""
    for kind, value in options:
        if kind == wanted and len(value) == 6:
            return int.from_bytes(value, "big")
    return 0


def _claims(packet: Packet, mac: int, address: int, router: bool) -> list[Parsed]:
    """Facts about the host at this MAC and address; none if either cannot belong to a single host."""
    if not mac or is_group_mac(mac) or not address or is_multicast(address):
        return []
    subject = Subject(mac, address, packet.vlan)
    parsed: list[Parsed] = [Observation(packet.ts, subject, "ndp.address", text(address), packet.flow)]
    if router:
        parsed.append(Observation(packet.ts, subject, "ndp.role", "router", packet.flow))
    return parsed


def _router_solicitation(packet: Packet, _data: bytes, options: list[tuple[int, bytes]]) -> list[Parsed]:
    mac = _mac(options, SOURCE_MAC) or packet.src_mac
    return [NdpRouterSolicitation(packet, mac), *_claims(packet, mac, packet.src, False)]


def _router_advertisement(packet: Packet, data: bytes, options: list[tuple[int, bytes]]) -> list[Parsed]:
    _, flags, lifetime = _ADVERTISED.unpack_from(data, 4)
    mac = _mac(options, SOURCE_MAC) or packet.src_mac
    prefixes: list[tuple[int, int]] = []
    dns: list[int] = []
    mtu = broken = 0
    for kind, value in options:
        if kind == PREFIX and len(value) == 30:
            prefixes.append((int.from_bytes(value[14:], "big"), value[0]))
        elif kind == DNS_SERVERS and len(value) >= 22:
            dns += [int.from_bytes(value[at : at + 16], "big") for at in range(6, len(value) - 15, 16)]
            broken = broken or (len(value) + 2) // 8 * (len(value) % 16 != 6)  # 8 bytes, and 16 of each address
        elif kind == MTU and len(value) == 6:
            mtu = int.from_bytes(value[2:], "big")
    event = NdpRouterAdvertisement(packet, mac, lifetime, bool(flags & 0x80), tuple(prefixes), tuple(dns), mtu)
    bad: list[Parsed] = [NdpBrokenOption(packet, DNS_SERVERS, broken)] if broken else []
    return [event, *bad, *_claims(packet, mac, packet.src, True)]


def _neighbour_solicitation(packet: Packet, data: bytes, options: list[tuple[int, bytes]]) -> list[Parsed]:
    mac = _mac(options, SOURCE_MAC) or packet.src_mac
    return [NdpNeighbourSolicitation(packet, mac, packet.src, _target(data)), *_claims(packet, mac, packet.src, False)]


def _neighbour_advertisement(packet: Packet, data: bytes, options: list[tuple[int, bytes]]) -> list[Parsed]:
    mac, target, flags = _mac(options, TARGET_MAC) or packet.src_mac, _target(data), data[4]
    event = NdpNeighbourAdvertisement(packet, mac, target, bool(flags & 0x80), bool(flags & 0x40), bool(flags & 0x20))
    return [event, *_claims(packet, mac, target, event.router)]


def _redirect(packet: Packet, data: bytes, options: list[tuple[int, bytes]]) -> list[Parsed]:
    return [NdpRedirect(packet, _mac(options, TARGET_MAC), _target(data), int.from_bytes(data[24:40], "big"))]


def _target(data: bytes) -> int:
    """The target address (section 4.3): a multicast one is not allowed."""
    target = int.from_bytes(data[8:24], "big")
    if is_multicast(target):
        raise Malformed("target that is a group")
    return target


_READERS = {
    ROUTER_SOLICITATION: _router_solicitation,
    ROUTER_ADVERTISEMENT: _router_advertisement,
    NEIGHBOUR_SOLICITATION: _neighbour_solicitation,
    NEIGHBOUR_ADVERTISEMENT: _neighbour_advertisement,
    REDIRECT: _redirect,
}
