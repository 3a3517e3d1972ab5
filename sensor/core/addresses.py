"""Addresses as integers: IPv6 unchanged, IPv4 in its IPv4-mapped form (RFC 4291, 2.5.5.2), MACs as 48 bits.

Integers hash, compare and mask fast and need no separate address family; they become text only for output.
"""

from __future__ import annotations

import bisect
import functools
import ipaddress
import string
from collections.abc import Iterable
from typing import Annotated, TypeVar

# Type of event fields that hold an address: 128 bits, where other integers have 64.
Address = Annotated[int, "address"]

V4 = 0xFFFF << 32
V4_MASK = (1 << 32) - 1
NONE = 0
BROADCAST_MAC = (1 << 48) - 1
# Their only texts: others, with leading zeros for example, are none of an address.
_OCTETS = {str(octet): octet for octet in range(256)}
HEX_DIGITS = frozenset(string.hexdigits)


def v4(number: int) -> int:
    """The address of a 32-bit IPv4 number."""
    return V4 | number


def is_v4(address: int) -> bool:
    return address >> 32 == 0xFFFF


def parse(text: str) -> int:
    """The address given in dotted-quad or IPv6 notation. Raises ValueError for any other text."""
    try:
        first, second, third, fourth = [_OCTETS[octet] for octet in text.split(".")]
    except (KeyError, ValueError):  # no dotted quad
        address = ipaddress.ip_address(text)
        return V4 | int(address) if address.version == 4 else int(address)
    return V4 | first << 24 | second << 16 | third << 8 | fourth


@functools.lru_cache(maxsize=4096)
def segment(address: int) -> str:
    """The host's network, estimated from its address: the /24 of IPv4, the /64 of IPv6."""
    bits, length = (8, 24) if is_v4(address) else (64, 64)
    return f"{text(address >> bits << bits)}/{length}"


def parse_network(text: str) -> tuple[int, int]:
    """First and last address of a CIDR block or of a single address. Raises ValueError for any other text."""
    network = ipaddress.ip_network(text.strip(), strict=False)
    base = V4 if network.version == 4 else 0
    return base | int(network.network_address), base | int(network.broadcast_address)


Blocks = TypeVar("Blocks", bound=Iterable[str])


def checked_blocks(blocks: Blocks) -> Blocks:
    """CIDR blocks and addresses of an operator. Raises ValueError if one is invalid."""
    for block in blocks:
        try:
            parse_network(block)
        except ValueError as error:
            raise ValueError(f"{error}; expected a block such as 203.0.113.0/24") from None
    return blocks


@functools.lru_cache(maxsize=2048)
def text(address: int) -> str:
    """Dotted quad or compressed IPv6 text (RFC 5952)."""
    if is_v4(address):
        return f"{address >> 24 & 255}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"
    return str(ipaddress.IPv6Address(address))


@functools.lru_cache(maxsize=2048)
def mac_text(mac: int) -> str:
    """The MAC in lower case with colons."""
    return mac.to_bytes(6, "big").hex(":")


def parse_mac(text_: str) -> int:
    """The MAC of a text with or without separators. Raises ValueError unless it has 12 hex digits."""
    digits = text_.replace(":", "").replace("-", "").replace(".", "")
    if len(digits) != 12 or not set(digits) <= HEX_DIGITS:  # int() also reads underscores, signs and 0x
        raise ValueError(f"not a MAC address: {text_!r}")
    return int(digits, 16)


def is_group_mac(mac: int) -> bool:
    """Whether a MAC is multicast or broadcast: the first bit on the wire is set."""
    return bool(mac >> 40 & 1)


def is_random_mac(mac: int) -> bool:
    """Whether a MAC is locally administered: randomized or spoofed, so it alone never identifies a device."""
    return bool(mac >> 40 & 2)


def is_multicast(address: int) -> bool:
    """Whether an address is multicast, IPv4 or IPv6, or the IPv4 broadcast address 255.255.255.255."""
    if is_v4(address):
        return address & V4_MASK >= 0xE0000000 and (address >> 28 & 0xF == 0xE or address & V4_MASK == V4_MASK)
    return address >> 120 == 0xFF


def _borders(blocks: Iterable[tuple[int, int]]) -> list[int]:
    """The first address of each block and the first address after it, with adjacent and overlapping blocks merged."""
    borders: list[int] = []
    for first, last in sorted(blocks):
        if borders and first <= borders[-1]:
            borders[-1] = max(borders[-1], last + 1)
        else:
            borders += (first, last + 1)
    return borders


def is_host(address: int) -> bool:
    """Whether a host can have this address: it is not unspecified, multicast or broadcast."""
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
    """The internal networks: the private blocks listed in events.md and those that the operator configures.
    ``version`` changes with them.
    """

    def __init__(self, more: Iterable[str] = ()) -> None:
        self.version = 0
        self.blocks: tuple[tuple[int, int], ...] = ()
        self.become(more)

    def become(self, more: Iterable[str]) -> bool:
        """Replace the operator's blocks; returns whether the internal networks changed."""
        before, self.blocks = self.blocks, _INSIDE + tuple(parse_network(block) for block in more)
        self.version += self.blocks != before
        # Start and end of the internal blocks, alternating: an address is internal if an odd number of borders is at or
        # below it.
        self.borders = _borders(self.blocks)
        return self.blocks != before

    def inside(self, address: int) -> bool:
        return bisect.bisect_right(self.borders, address) % 2 == 1

    def direction(self, client: int, server: int) -> str:
        """``internal``, ``outbound``, ``inbound`` or ``external``. Multicast is treated as internal: it never leaves
        the segment.
        """
        near, far = self.inside(client) or is_multicast(client), self.inside(server) or is_multicast(server)
        if near:
            return "internal" if far else "outbound"
        return "inbound" if far else "external"
