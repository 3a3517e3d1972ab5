"""Vendor-neutral firewall requests: a request has rules, a rule has two ends and a match. Matches are dropped. In an
allow-list, rules that allow precede those that drop the rest, and the first match decides.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sensor.core import addresses
from sensor.core.ip_protocols import TCP, UDP
from sensor.posture.device_names import device_name

Block = ipaddress.IPv4Network | ipaddress.IPv6Network

PROTOCOLS = {TCP: "tcp", UDP: "udp"}
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


class Host(NamedTuple):
    """A host. ``id``: of the device, empty if it is not one; ``addresses``: as in core.addresses."""

    id: str
    name: str
    kind: str
    addresses: tuple[int, ...]

    @property
    def key(self) -> str:
        """Its identifier: the id, otherwise the address."""
        return self.id or addresses.text(self.addresses[0])

    @property
    def texts(self) -> tuple[str, ...]:
        """Its addresses as text."""
        return tuple(map(addresses.text, self.addresses))

    @property
    def text(self) -> str:
        """``10.20.10.62 (front-door, camera)``."""
        return device_name(addresses.text(self.addresses[0]), self.name, self.kind)


class Match(NamedTuple):
    """Protocol and port of the packets. ``proto``: 6, 17, or 0 for all; ``port``: of the server, 0 for all."""

    proto: int = 0
    port: int = 0

    def covers(self, service: int) -> bool:
        """Whether a service (``protocol << 16 | port``) matches."""
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
    """Drop connections from the sources to the destinations, or ``allow`` them. One address family; no sources, or no
    destinations: any address. ``names``: host names of the destinations, which are any address in formats without
    names.
    """

    name: str
    version: int
    sources: tuple[Block, ...]
    destinations: tuple[Block, ...]
    match: Match
    allow: bool = False
    names: tuple[str, ...] = ()


class Request(NamedTuple):
    """One requested change: ``machines`` are blocked from ``peers``, which are external if ``outside``; without
    machines, all hosts are. ``seen``: observed services; ``alerted``: (client, server, service) of the alerts, by their
    keys; ``expires``: None for never; ``left_out``: number of ends that exceeded the limit; ``notes``: remarks of the
    simulation; ``allowed``: exempt hosts.
    """

    id: str
    title: str
    outside: bool
    direction: str
    machines: tuple[Host, ...]
    peers: tuple[Host, ...]
    rules: tuple[Rule, ...]
    alerts: tuple[str, ...]
    reasons: tuple[str, ...]
    seen: tuple[str, ...]
    alerted: frozenset[tuple[str, str, int]]
    made: datetime
    expires: datetime | None
    comment: str = ""
    left_out: int = 0
    notes: tuple[str, ...] = ()
    allowed: tuple[Host, ...] = ()

    @property
    def allows(self) -> bool:
        """Whether it is an allow-list."""
        return any(rule.allow for rule in self.rules)

    @property
    def until(self) -> str:
        return f"{self.expires:%Y-%m-%d %H:%M} UTC" if self.expires is not None else "no date"

    @property
    def seconds(self) -> int:
        """Lifetime in seconds; 0: unlimited."""
        return max(1, int((self.expires - self.made).total_seconds())) if self.expires is not None else 0


def request_id(key: str) -> str:
    """``fw-`` and six characters derived from what is blocked, so that a repeated request has the same id."""
    number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big")
    return "fw-" + "".join(_ALPHABET[number >> shift & 31] for shift in range(25, -1, -5))


def block_text(block: Block) -> str:
    """A block as text: a single address without a prefix length."""
    return str(block.network_address if block.prefixlen == block.max_prefixlen else block)


def host_block(address: int) -> Block:
    """The block of one address."""
    return ipaddress.ip_network(addresses.text(address))


def apart(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Sorted blocks without those that lie within another: nftables sets must not overlap."""
    ordered = sorted(set(blocks), key=lambda one: (one.version, int(one.network_address), one.prefixlen))
    kept: list[Block] = []
    for block in ordered:
        if not kept or kept[-1].version != block.version or block.network_address not in kept[-1]:
            kept.append(block)
    return tuple(kept)
