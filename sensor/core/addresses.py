"""Addresses as integers: IPv6 as it is, IPv4 as its IPv4-mapped form (RFC 4291, 2.5.5.2), MACs as 48 bits.

Integers hash, compare and mask fast and need no family beside them; text is made when something is printed.
"""

from __future__ import annotations

import bisect
import functools
import ipaddress
from collections.abc import Iterable
from typing import Annotated

# What a field of a message holds that is an address: 128 bits, where other integers have 64.
Address = Annotated[int, "address"]

V4 = 0xFFFF << 32
V4_MASK = (1 << 32) - 1
NONE = 0
BROADCAST_MAC = (1 << 48) - 1


def v4(number: int) -> int:
    """The address of a 32-bit IPv4 number."""
    return V4 | number


def is_v4(address: int) -> bool:
    return address >> 32 == 0xFFFF


def parse(text: str) -> int:
    """The address written as dotted quad or IPv6 text. ValueError where it is neither."""
    address = ipaddress.ip_address(text)
    return V4 | int(address) if address.version == 4 else int(address)


@functools.lru_cache(maxsize=4096)
def segment(address: int) -> str:
    """The network of a host as far as its address shows: its /24, for IPv6 its /64."""
    bits, length = (8, 24) if is_v4(address) else (64, 64)
    return f"{text(address >> bits << bits)}/{length}"


def parse_network(text: str) -> tuple[int, int]:
    """First and last address of a CIDR block or of a single address. ValueError where it is neither."""
    network = ipaddress.ip_network(text.strip(), strict=False)
    base = V4 if network.version == 4 else 0
    return base | int(network.network_address), base | int(network.broadcast_address)


@functools.lru_cache(maxsize=2048)
def text(address: int) -> str:
    """Dotted quad or compressed IPv6 text (RFC 5952)."""
    if is_v4(address):
        return f"{address >> 24 & 255}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"
    return str(ipaddress.IPv6Address(address))


@functools.lru_cache(maxsize=2048)
def mac_text(mac: int) -> str:
    """Lower case with colons."""
    return mac.to_bytes(6, "big").hex(":")


def parse_mac(text_: str) -> int:
    """The MAC written with or without separators. ValueError where it is not 12 hex digits."""
    digits = text_.replace(":", "").replace("-", "").replace(".", "")
    if len(digits) != 12:
        raise ValueError(f"not a MAC address: {text_!r}")
    return int(digits, 16)


def is_group_mac(mac: int) -> bool:
    """Multicast and broadcast: the first bit on the wire."""
    return bool(mac >> 40 & 1)


def is_random_mac(mac: int) -> bool:
    """Locally administered: randomised or forged, so never an identity by itself."""
    return bool(mac >> 40 & 2)


def is_multicast(address: int) -> bool:
    """Multicast of either family, and IPv4 broadcast 255.255.255.255."""
    if is_v4(address):
        return address & V4_MASK >= 0xE0000000 and (address >> 28 & 0xF == 0xE or address & V4_MASK == V4_MASK)
    return address >> 120 == 0xFF


def _borders(blocks: Iterable[tuple[int, int]]) -> list[int]:
    """First address and first address behind of each of the blocks, those that touch or overlap made one."""
    borders: list[int] = []
    for first, last in sorted(blocks):
        if borders and first <= borders[-1]:
            borders[-1] = max(borders[-1], last + 1)
        else:
            borders += (first, last + 1)
    return borders


def is_host(address: int) -> bool:
    """True for an address one machine can have: neither unspecified, multicast nor broadcast."""
    return address not in (NONE, V4) and not is_multicast(address)


_INSIDE = tuple(
    parse_network(block)
    for block in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)


class Networks:
    """What counts as inside: the private blocks of events.md and whatever the operator adds."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        self.blocks: tuple[tuple[int, int], ...] = ()
        self.become(more)

    def become(self, more: Iterable[str]) -> bool:
        """The operator adds other blocks than before; whether that changes anything."""
        before, self.blocks = self.blocks, _INSIDE + tuple(parse_network(block) for block in more)
        # Where inside begins and ends, in turn: an address is inside where an odd number of borders is below or at
        # it.
        self.borders = _borders(self.blocks)
        return self.blocks != before

    def inside(self, address: int) -> bool:
        return bisect.bisect_right(self.borders, address) % 2 == 1

    def direction(self, client: int, server: int) -> str:
        """``internal``, ``outbound``, ``inbound`` or ``external``. Multicast belongs to the inside: it never leaves the
        segment.
        """
        near, far = self.inside(client) or is_multicast(client), self.inside(server) or is_multicast(server)
        if near:
            return "internal" if far else "outbound"
        return "inbound" if far else "external"
