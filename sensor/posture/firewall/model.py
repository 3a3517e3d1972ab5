"""What is asked of a firewall, before any firewall's language: a request holds rules, a rule two ends and a match. What
is found is dropped; where a request is an allow-list, rules that allow stand before those that drop the rest, and the
first that matches decides.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sensor.core import addresses
from sensor.core.ip_protocols import TCP, UDP

Block = ipaddress.IPv4Network | ipaddress.IPv6Network

PROTOCOLS = {TCP: "tcp", UDP: "udp"}
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


class Party(NamedTuple):
    """A machine, or an address that is none of ours. ``id``: of the device, empty where it is not one; ``addresses``:
    as core.addresses has them.
    """

    id: str
    name: str
    kind: str
    addresses: tuple[int, ...]

    @property
    def key(self) -> str:
        """What it is known by: its id, else its address."""
        return self.id or addresses.text(self.addresses[0])

    @property
    def texts(self) -> tuple[str, ...]:
        """Its addresses as they are written."""
        return tuple(map(addresses.text, self.addresses))

    @property
    def text(self) -> str:
        """``10.20.10.62 (front-door, camera)``."""
        words = ", ".join(filter(None, (self.name, "" if self.kind == "unknown" else self.kind)))
        return addresses.text(self.addresses[0]) + (f" ({words})" if words else "")


class Match(NamedTuple):
    """Which packets, beside their ends. ``proto``: 6, 17, or 0 for all; ``port``: of the server, 0 for all."""

    proto: int = 0
    port: int = 0

    def covers(self, service: int) -> bool:
        """Whether a service (``protocol << 16 | port``) falls under it."""
        return self.proto in (0, service >> 16) and self.port in (0, service & 0xFFFF)

    @property
    def proto_text(self) -> str:
        """``tcp`` or ``udp``; empty for all."""
        return PROTOCOLS.get(self.proto, "")

    @property
    def text(self) -> str:
        if not self.proto:
            return "all protocols"
        return f"{self.proto_text}/{self.port}" if self.port else f"all of {self.proto_text}"


class Rule(NamedTuple):
    """Drop what the sources begin with the destinations, or ``allow`` it. One family of addresses; no sources, or no
    destinations: any address. ``names``: by which the destinations are meant, where they are any address to a format
    that knows no names.
    """

    name: str
    version: int
    sources: tuple[Block, ...]
    destinations: tuple[Block, ...]
    match: Match
    allow: bool = False
    names: tuple[str, ...] = ()


class Request(NamedTuple):
    """One change to request: ``machines`` are blocked from ``peers``, which lie ``outside`` or not; without machines,
    all hosts are. ``seen``: observed services; ``accused``: (client, server, service) of the alerts, by their keys;
    ``expires``: None for never; ``left_out``: number of ends that exceeded the limit; ``notes``: remarks of the
    simulation; ``allowed``: exempt hosts among those that would be blocked.
    """

    id: str
    title: str
    outside: bool
    direction: str
    machines: tuple[Party, ...]
    peers: tuple[Party, ...]
    rules: tuple[Rule, ...]
    alerts: tuple[str, ...]
    reasons: tuple[str, ...]
    seen: tuple[str, ...]
    accused: frozenset[tuple[str, str, int]]
    made: datetime
    expires: datetime | None
    comment: str = ""
    left_out: int = 0
    notes: tuple[str, ...] = ()
    allowed: tuple[Party, ...] = ()

    @property
    def allows(self) -> bool:
        """Whether it is an allow-list."""
        return any(rule.allow for rule in self.rules)

    @property
    def until(self) -> str:
        return f"{self.expires:%Y-%m-%d %H:%M} UTC" if self.expires is not None else "no date"

    @property
    def seconds(self) -> int:
        """How long it is to last; 0 for ever."""
        return max(1, int((self.expires - self.made).total_seconds())) if self.expires is not None else 0


def request_id(key: str) -> str:
    """``fw-`` and six letters made from what is blocked, so that asking again is the same request."""
    number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big")
    return "fw-" + "".join(_ALPHABET[number >> shift & 31] for shift in range(25, -1, -5))


def block_text(block: Block) -> str:
    """A block as people write it: one address without a length."""
    return str(block.network_address if block.prefixlen == block.max_prefixlen else block)


def host_block(address: int) -> Block:
    """The block of one address."""
    return ipaddress.ip_network(addresses.text(address))


def apart(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """The blocks in order, each once, without those that lie within another: sets of nftables take no overlaps."""
    ordered = sorted(set(blocks), key=lambda one: (one.version, int(one.network_address), one.prefixlen))
    kept: list[Block] = []
    for block in ordered:
        if not kept or kept[-1].version != block.version or block.network_address not in kept[-1]:
            kept.append(block)
    return tuple(kept)
