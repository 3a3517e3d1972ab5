"""Evidence the inventory finds itself: the maker of a MAC, and that a MAC forwards for others."""

from __future__ import annotations

from typing import Protocol

from sensor.core.observation import Evidence, Observation, Subject
from sensor.inventory.facts import Fact

FORWARDS = 0.7


class Claim(Protocol):
    """What a fingerprint says of one attribute."""

    @property
    def attribute(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def confidence(self) -> float: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def family(self) -> str: ...


class Matcher(Protocol):
    """The fingerprints, compiled: what a raw fact means."""

    def knows(self, kind: str) -> bool:
        """Whether any fingerprint is about a kind."""
        ...

    def match(self, kind: str, value: str) -> tuple[Claim, ...]: ...


class Oui(Protocol):
    """The registry of MAC prefixes."""

    def organisation(self, mac: int) -> str:
        """Who the prefix of a MAC was given to; empty where nobody is known."""
        ...


def fact_of(observation: Observation, claims: tuple[Claim, ...], rank: int) -> Fact:
    """The fact an observation is, with one piece of evidence for each claim."""
    kind, seen, ts = observation.kind, observation.value, observation.ts
    return Fact.of(
        observation,
        tuple([Evidence(claim.attribute, claim.value, claim.confidence, claim.fingerprint, claim.family, kind, seen, ts, ts) for claim in claims]),
        rank,
    )


def forwards(ts: int, subject: Subject, kind: str, seen: str) -> Fact:
    """A MAC carries addresses that cannot all be its own: a router's job, whatever else the machine is."""
    proof = Evidence("type", "router", FORWARDS, "inventory.forwards", "forwarding", kind, seen, ts, ts)
    return Fact.of(Observation(ts, subject, kind, seen), (proof,), -1)
