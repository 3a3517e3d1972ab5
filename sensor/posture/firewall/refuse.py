"""What is not suggested unless somebody insists: to block groups, broadcast, or the gateway that everybody needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sensor.core import addresses
from sensor.core.addresses import V4_MASK, is_v4
from sensor.posture.firewall.model import Block, Party, block_text
from sensor.posture.firewall.simulate import Machine

# First and last address of a block.
Span = tuple[int, int]

GROUPS = tuple(map(addresses.parse_network, ("224.0.0.0/4", "255.255.255.255", "ff00::/8")))
NOWHERE = tuple(map(addresses.parse_network, ("0.0.0.0/8", "::/128")))


class Refusals:
    """Asked of each end that would be blocked: why not. Empty where it may be."""

    def __init__(self, machines: Mapping[str, Machine]) -> None:
        self._known = {address for machine in machines.values() for address in machine.party.addresses}
        self._gateways = [machine.party for machine in machines.values() if machine.forwards]

    def of_block(self, block: Block) -> str:
        span = addresses.parse_network(str(block))
        return _of_nobody(block_text(block), [span]) or self._of_gateway(block_text(block), [span], "")

    def of_party(self, party: Party, near: Iterable[Party] = ()) -> str:
        """``near``: machines that talk to it, in whose segments it may be the broadcast address."""
        spans = [(one, one) for one in party.addresses]
        broadcasts = {_broadcast(address) for one in near for address in one.addresses if is_v4(address)} - self._known
        if broadcasts.intersection(party.addresses):
            return f"{party.text} is most likely the broadcast address of its segment"
        return _of_nobody(party.text, spans) or self._of_gateway(party.text, spans, party.id)

    def _of_gateway(self, told: str, spans: Sequence[Span], name: str) -> str:
        for party in self._gateways:
            if party.id == name or any(_meets((one, one), spans) for one in party.addresses):
                return f"{told} is, or holds, a gateway that others need ({party.texts[0]})"
        return ""


def _of_nobody(told: str, spans: Sequence[Span]) -> str:
    if any(_meets(one, GROUPS) for one in spans):
        return f"{told} is, or holds, multicast or broadcast addresses"
    return f"{told} is, or holds, addresses of no machine" if any(_meets(one, NOWHERE) for one in spans) else ""


def _meets(one: Span, others: Iterable[Span]) -> bool:
    return any(one[0] <= last and first <= one[1] for first, last in others)


def _broadcast(address: int) -> int:
    """The last address of its /24."""
    return address | V4_MASK & 0xFF
