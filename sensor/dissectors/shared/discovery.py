"""Shared by vendors' discovery protocols: a datagram yields facts about its sender only, and most are parsed completely
or not at all.

A recorder answers for its cameras, a controller for its access points, and a bridge forwards broadcasts: a response
with a MAC and an address other than its source is about another device.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import ClassVar

from sensor.core.addresses import is_v4, parse, parse_mac
from sensor.core.dissector import Dissector, Parsed
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean

LONGEST_ADDRESS = 45
FIELD_LIMIT = 255


class Discovery(Dissector):
    """Base class. ``reads_truncated``: ``read`` also gets truncated datagrams, and may find them malformed; for
    protocols of independent fields, of which the complete ones are facts.
    """

    reads_truncated: ClassVar[bool] = False

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        if not packet.payload or (packet.truncated and not self.reads_truncated):
            return iter(())
        try:
            return iter(self.read(packet))
        except Malformed:
            if packet.truncated:
                return iter(())
            raise

    def read(self, packet: Packet) -> list[Parsed]:
        """Parse a datagram; empty if it belongs to another protocol."""
        raise NotImplementedError


def is_own(packet: Packet, mac: int, address: int = 0) -> bool:
    """Whether a response with this MAC and address (0: absent) is about its sender. A router on the path changes the
    MAC, never the address. If the capture truncated a response without either, they may have been in its rest.
    """
    unnamed = not (mac or address or packet.truncated)
    return unnamed or mac == packet.src_mac != 0 or address == packet.src != 0


@functools.lru_cache(maxsize=4096)
def mac_of(text: str) -> int:
    """Parse a MAC in any of the usual notations; 0 if it is invalid, a group address or zero."""
    try:
        mac = parse_mac(text.strip())
    except ValueError:
        return 0
    return 0 if mac < 0 or mac >> 40 & 1 else mac


@functools.lru_cache(maxsize=4096)
def address_of(text: str) -> int:
    """An IPv4 address from a dotted quad; 0 if it is invalid or unspecified."""
    try:
        address = parse(text) if len(text) <= LONGEST_ADDRESS else 0
    except ValueError:
        return 0
    return address if is_v4(address) and address & 0xFFFFFFFF else 0


@functools.lru_cache(maxsize=4096)
def field(raw: bytes) -> str:
    """Text in a field of fixed size: up to its first zero byte, cleaned."""
    return clean(raw.partition(b"\0")[0], FIELD_LIMIT)


def lines(data: bytes, limit: int = 64, *, truncated: bool = False) -> dict[str, str]:
    """``name: value`` lines of an HTTP-like text, by name in lower case; the first of each name counts, up to ``limit``
    lines. ``truncated``: the last line is left out unless a line feed ends it.
    """
    found: dict[str, str] = {}
    data = data[: data.rfind(b"\n") + 1] if truncated else data
    for line in data.split(b"\n", limit)[:limit]:
        name, colon, value = line.partition(b":")
        if colon and len(name) <= 64:
            found.setdefault(name.strip().lower().decode("latin-1"), clean(value, FIELD_LIMIT))
    return found
