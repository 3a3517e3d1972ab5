"""Evidence that the inventory itself adds: the vendor of a MAC, and that a MAC forwards for others."""

from __future__ import annotations

from typing import Protocol

from sensor.core.named_tables import NamedTables
from sensor.core.observation import Observation
from sensor.inventory.compact import Claim, Fact

FORWARDS = 0.7
_FORWARDS: tuple[Claim, ...] = (("type", "router", FORWARDS, "inventory.forwards", "forwarding"),)


class Matcher(Protocol):
    """The compiled fingerprints: what they conclude from a raw fact."""

    @property
    def tables(self) -> NamedTables: ...

    def knows(self, kind: str) -> bool:
        """Whether any fingerprint matches a kind."""
        ...

    def match(self, kind: str, value: str) -> tuple[Claim, ...]: ...


class Oui(Protocol):
    """The registry of MAC prefixes."""

    @property
    def tables(self) -> NamedTables: ...

    def organisation(self, mac: int) -> str:
        """The vendor of a MAC prefix; empty if it is unknown."""
        ...


def fact_of(observation: Observation, claims: tuple[Claim, ...], rank: int) -> Fact:
    """The fact of an observation, with the claims that fingerprints derive from it."""
    ts = observation.ts
    return Fact(observation.kind, observation.value, observation.subject.address, ts, ts, rank, claims)


def forwards(ts: int, kind: str, seen: str) -> Fact:
    """A MAC carries addresses that cannot all be its own: it is a router, whatever else the host is. The fact is of no
    address: it stays with the MAC when the hosts behind it become devices.
    """
    return Fact(kind, seen, 0, ts, ts, -1, _FORWARDS)
