"""Facts: observations of a device that are worth keeping, and how they are kept between two runs."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable

import msgspec

from sensor.core.observation import Evidence, Observation
from sensor.inventory import identity

Key = tuple[str, str]
# One claim: attribute, value, confidence, fingerprint, family.
Claims = tuple[tuple[str, str, float, str, str], ...]


class Fact(msgspec.Struct, gc=False, eq=False):
    """An observation worth keeping: what fingerprints made of it, or the name it gives. Repeats only count."""

    kind: str
    value: str
    address: int
    first: int
    last: int
    rank: int
    evidence: tuple[Evidence, ...]
    count: int = 1

    @classmethod
    def of(cls, observation: Observation, evidence: tuple[Evidence, ...], rank: int) -> Fact:
        ts = observation.ts
        return cls(observation.kind, observation.value, observation.subject.address, ts, ts, rank, evidence)

    @property
    def weight(self) -> int:
        """What it takes of the device's share of evidence."""
        return len(self.evidence) or 1

    def absorb(self, other: Fact) -> None:
        """The same fact from a record that turned out to be the same device."""
        self.first, self.last, self.count = min(self.first, other.first), max(self.last, other.last), self.count + other.count


class FactState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A fact as it is kept, with the claims that fingerprints made of it. ``address`` is hexadecimal; claims are left as text, since few differ."""

    kind: str
    value: str
    address: str
    first: int
    last: int
    count: int
    claims: msgspec.Raw


_encode = msgspec.json.Encoder().encode
_FACTS = msgspec.json.Decoder(list[FactState])
_CLAIMS = msgspec.json.Decoder(Claims)


def raw_of(facts: Iterable[Fact]) -> msgspec.Raw:
    """Facts as text."""
    return msgspec.Raw(_encode([_state(fact) for fact in facts]))


def _state(fact: Fact) -> FactState:
    claims = tuple([(one.attribute, one.value, one.confidence, one.fingerprint, one.family) for one in fact.evidence])
    return FactState(fact.kind, fact.value, f"{fact.address:x}", fact.first, fact.last, fact.count, _raw(claims))


@functools.lru_cache(maxsize=4096)
def _raw(claims: Claims) -> msgspec.Raw:
    return msgspec.Raw(_encode(claims))


def states_of(raw: bytes | msgspec.Raw) -> list[FactState]:
    """Facts from their text, as they are kept; none where it is no such text."""
    try:
        return _FACTS.decode(raw)
    except msgspec.DecodeError:
        return []


def facts_of(raw: bytes | msgspec.Raw) -> dict[Key, Fact]:
    """Facts from their text, with the evidence they had."""
    # Most facts of a device have the same times and address: one number for all takes less memory.
    same: dict[int, int] = {}
    return {(fact.kind, fact.value): fact for one in states_of(raw) for fact in (_fact(one, same.setdefault),)}


def _fact(state: FactState, same: Callable[[int, int], int]) -> Fact:
    kind, rank = _kind(state.kind)
    value, first, last, address, count = state.value, state.first, state.last, int(state.address, 16), state.count
    first, last = same(first, first), same(last, last)
    evidence = tuple([Evidence(*claim, kind, value, first, last, count) for claim in claims_of(bytes(state.claims))])
    return Fact(kind, value, same(address, address), first, last, rank, evidence, count)


@functools.lru_cache(maxsize=1024)
def _kind(kind: str) -> tuple[str, int]:
    """(one text for all facts of the kind, trust in the name it gives)."""
    return sys.intern(kind), identity.trait_of(kind).rank


@functools.lru_cache(maxsize=4096)
def claims_of(raw: bytes) -> Claims:
    """Claims from their text; the same objects for all facts that are alike."""
    intern = sys.intern
    return tuple([(intern(attribute), intern(value), sure, intern(name), intern(family)) for attribute, value, sure, name, family in _CLAIMS.decode(raw)])
