"""Refusals that the operator can override: blocking of multicast groups, broadcast, or the gateway that all
hosts need.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sensor.core import addresses
from sensor.core.addresses import V4_MASK, is_v4
from sensor.posture.firewall.model import Block, Host, block_text
from sensor.posture.firewall.simulate import Machine

# First and last address of a block.
Span = tuple[int, int]

# Addresses that no firewall forwards between segments, or no host has (RFC 1112, 1122, 3927, 4291).
NEVER = {
    "multicast or broadcast addresses": ("224.0.0.0/4", "255.255.255.255", "ff00::/8"),
    "unassigned or reserved addresses": ("0.0.0.0/8", "240.0.0.0/4", "::/128"),
    "addresses that no router forwards": ("127.0.0.0/8", "169.254.0.0/16", "::1/128", "fe80::/10"),
}
_NEVER = {words: tuple(map(addresses.parse_network, blocks)) for words, blocks in NEVER.items()}


class Refusals:
    """Why an end must not be blocked; empty if it may be."""

    def __init__(self, machines: Mapping[str, Machine]) -> None:
        self._known = {address for machine in machines.values() for address in machine.party.addresses}
        self._gateways = [machine.party for machine in machines.values() if machine.forwards]

    def of_block(self, block: Block) -> str:
        span = addresses.parse_network(str(block))
        return _of_special_addresses(block_text(block), [span]) or self._of_gateway(block_text(block), [span], "")

    def of_peer(self, party: Host, near: Iterable[Host] = ()) -> str:
        """``near``: hosts that communicate with it; in their segments it may be the broadcast address."""
        broadcasts = {_broadcast(address) for one in near for address in one.addresses if is_v4(address)} - self._known
        if broadcasts.intersection(party.addresses):
            return f"{party.text} is most likely the broadcast address of its segment"
        return self.of_machine(party, whole=True)

    def of_machine(self, party: Host, *, whole: bool) -> str:
        """``whole``: all connections with a peer would be blocked, not one service; gateways are exempt from that."""
        spans = [(one, one) for one in party.addresses]
        return _of_special_addresses(party.text, spans) or (
            self._of_gateway(party.text, spans, party.id) if whole else ""
        )

    def _of_gateway(self, target: str, spans: Sequence[Span], name: str) -> str:
        for party in self._gateways:
            if party.id == name or any(_meets((one, one), spans) for one in party.addresses):
                return (
                    f"{target} is, or contains, a gateway that other hosts need "
                    f"({addresses.text(min(party.addresses))})"
                )
        return ""


def _of_special_addresses(target: str, spans: Sequence[Span]) -> str:
    for words, blocks in _NEVER.items():
        if any(_meets(one, blocks) for one in spans):
            return f"{target} is, or contains, {words}"
    return ""


def _meets(one: Span, others: Iterable[Span]) -> bool:
    return any(one[0] <= last and first <= one[1] for first, last in others)


def _broadcast(address: int) -> int:
    """The last address of its /24."""
    return address | V4_MASK & 0xFF
