"""A frame as a tree of its headers: Ethernet (IEEE 802.3, 802.1Q) or another link header, ARP (RFC 826), IPv4 (RFC
791), IPv6 (RFC 8200), ICMP (RFC 792, RFC 4443), UDP (RFC 768), TCP (RFC 9293), and their payload.

For display of single frames; the sensor itself parses packets elsewhere. A truncated header ends the tree with a note.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from typing import NamedTuple

from sensor.core.addresses import mac_text
from sensor.core.reader import clean
from sensor.evidence.links import ETHERNET, NAMES, network_start
from sensor.evidence.read import ETHERTYPES, FLAGS, PROTOCOLS, VLANS

TEXT_SHOWN = 160
ARP_OPERATIONS = {1: "request", 2: "reply"}
# IPv6 extension headers with a length in units of eight bytes (RFC 8200, 4): hop-by-hop, routing, destination.
EXTENSIONS = (0, 43, 60)


class Layer(NamedTuple):
    """``begin`` and ``end``: its bytes in the frame; ``fields``: names and values, for display."""

    name: str
    begin: int
    end: int
    fields: list[tuple[str, str]]


def layers_of(data: bytes, link: int) -> list[Layer]:
    """The layers of a frame, the outermost first. ``link``: link type of the pcap registry."""
    start = network_start(data, link)
    if start is None and link != ETHERNET:
        return [Layer("Frame", 0, len(data), [("link type", str(link))])]
    return list(_link(data, link, *start) if start is not None else [_cut("Ethernet", 0, data)])


def _link(data: bytes, link: int, kind: int, at: int) -> Iterator[Layer]:
    ends = [("destination", _mac(data[:6])), ("source", _mac(data[6:12]))] if link == ETHERNET else []
    if at:
        name = "Ethernet" if link == ETHERNET else NAMES[link]
        yield Layer(name, 0, at, [*ends, ("type", ETHERTYPES.get(kind, f"0x{kind:04x}"))])
    while kind in VLANS and len(data) >= at + 4:
        tag, kind = struct.unpack_from(">HH", data, at)
        yield Layer("802.1Q", at, at + 4, [("VLAN", str(tag & 0xFFF)), ("priority", str(tag >> 13))])
        at += 4
    inner = {0x0800: _ipv4, 0x86DD: _ipv6, 0x0806: _arp}.get(kind)
    yield from inner(data, at) if inner is not None else _payload(data, at, len(data))


def _arp(data: bytes, at: int) -> Iterator[Layer]:
    if len(data) < at + 28:
        yield _cut("ARP", at, data)
        return
    operation = int.from_bytes(data[at + 6 : at + 8], "big")
    yield Layer(
        "ARP", at, at + 28,
        [
            ("operation", ARP_OPERATIONS.get(operation, str(operation))),
            ("sender MAC", _mac(data[at + 8 : at + 14])), ("sender address", _ip(data[at + 14 : at + 18])),
            ("target MAC", _mac(data[at + 18 : at + 24])), ("target address", _ip(data[at + 24 : at + 28])),
        ],
    )  # fmt: skip


def _ipv4(data: bytes, at: int) -> Iterator[Layer]:
    size = (data[at] & 15) * 4 if len(data) > at else 0
    if size < 20 or len(data) < at + size:
        yield _cut("IPv4", at, data)
        return
    total, _, fragment, ttl, protocol = struct.unpack_from(">HHHBB", data, at + 2)
    ends = [("source", _ip(data[at + 12 : at + 16])), ("destination", _ip(data[at + 16 : at + 20]))]
    more = [("fragment offset", f"{(fragment & 0x1FFF) * 8:,}")] if fragment & 0x3FFF else []
    name = PROTOCOLS.get(protocol, str(protocol))
    yield Layer("IPv4", at, at + size, [*ends, ("protocol", name), ("time to live", str(ttl)), *more])
    end = min(len(data), at + total) if total >= size else len(data)
    yield from _transport(data, at + size, end, 0 if fragment & 0x1FFF else protocol)


def _ipv6(data: bytes, at: int) -> Iterator[Layer]:
    if len(data) < at + 40:
        yield _cut("IPv6", at, data)
        return
    size, protocol, hops = struct.unpack_from(">HBB", data, at + 4)
    ends = [("source", _ip(data[at + 8 : at + 24])), ("destination", _ip(data[at + 24 : at + 40]))]
    name = PROTOCOLS.get(protocol, str(protocol))
    yield Layer("IPv6", at, at + 40, [*ends, ("next header", name), ("hop limit", str(hops))])
    at, end = at + 40, min(len(data), at + 40 + size) if size else len(data)
    while protocol in EXTENSIONS and at + 8 <= end:
        following, length = data[at], 8 + data[at + 1] * 8
        yield Layer("IPv6 extension", at, min(at + length, end), [("header", str(protocol))])
        protocol, at = following, at + length
    yield from _transport(data, at, end, protocol)


def _transport(data: bytes, at: int, end: int, protocol: int) -> Iterator[Layer]:
    inner = {6: _tcp, 17: _udp, 1: _icmp, 58: _icmp}.get(protocol)
    yield from inner(data, at, end) if inner is not None else _payload(data, at, end)


def _tcp(data: bytes, at: int, end: int) -> Iterator[Layer]:
    size = (data[at + 12] >> 4) * 4 if end >= at + 20 else 0
    if size < 20 or at + size > end:
        yield _cut("TCP", at, data[:end])
        return
    source, target, sequence, acknowledged = struct.unpack_from(">HHII", data, at)
    flags = ", ".join(name for name, bit in FLAGS if data[at + 13] & bit)
    numbers = [("sequence number", str(sequence)), ("acknowledgment number", str(acknowledged))]
    yield Layer(
        "TCP",
        at,
        at + size,
        [("source port", str(source)), ("destination port", str(target)), ("flags", flags), *numbers],
    )
    yield from _payload(data, at + size, end)


def _udp(data: bytes, at: int, end: int) -> Iterator[Layer]:
    if end < at + 8:
        yield _cut("UDP", at, data[:end])
        return
    source, target, size = struct.unpack_from(">HHH", data, at)
    ports = [("source port", str(source)), ("destination port", str(target))]
    yield Layer("UDP", at, at + 8, [*ports, ("length", str(size))])
    yield from _payload(data, at + 8, end)


def _icmp(data: bytes, at: int, end: int) -> Iterator[Layer]:
    if end < at + 4:
        yield _cut("ICMP", at, data[:end])
        return
    yield Layer("ICMP", at, at + 4, [("type", str(data[at])), ("code", str(data[at + 1]))])
    yield from _payload(data, at + 4, end)


def _payload(data: bytes, at: int, end: int) -> Iterator[Layer]:
    if at < end:
        text = "".join(chr(one) if 32 <= one < 127 else "·" for one in data[at : min(end, at + TEXT_SHOWN)])
        yield Layer("Payload", at, end, [("length", f"{end - at:,} bytes"), ("text", clean(text))])


def _cut(name: str, at: int, data: bytes) -> Layer:
    return Layer(name, at, len(data), [("note", "truncated or malformed")])


def _mac(raw: bytes) -> str:
    return mac_text(int.from_bytes(raw, "big"))


def _ip(raw: bytes) -> str:
    return str(ipaddress.ip_address(raw))
