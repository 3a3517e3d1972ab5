"""Facts: observations of a device that are kept, and their stored form between two runs."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable

import msgspec

from sensor.inventory import identity
from sensor.inventory.compact import Claim, Fact

Claims = tuple[Claim, ...]


class FactState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The stored form of a fact, with the claims that fingerprints derived from it. ``address`` is hexadecimal; claims
    are left as text, since few differ.
    """

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
    """Facts as JSON."""
    return msgspec.Raw(_encode([_state(fact) for fact in facts]))


def _state(fact: Fact) -> FactState:
    return FactState(fact.kind, fact.value, f"{fact.address:x}", fact.first, fact.last, fact.count, _raw(fact.claims))


@functools.lru_cache(maxsize=4096)
def _raw(claims: Claims) -> msgspec.Raw:
    return msgspec.Raw(_encode(claims))


def states_of(raw: bytes | msgspec.Raw) -> list[FactState]:
    """Stored facts from JSON; none if it is invalid."""
    try:
        return _FACTS.decode(raw)
    except msgspec.DecodeError:
        return []


def facts_of(raw: bytes | msgspec.Raw) -> list[Fact]:
    """Facts from JSON, with their stored claims."""
    return [_fact(one) for one in states_of(raw)]


def _fact(state: FactState) -> Fact:
    kind, rank = _kind(state.kind)
    return Fact(
        kind,
        state.value,
        int(state.address, 16),
        state.first,
        state.last,
        rank,
        claims_of(bytes(state.claims)),
        state.count,
    )


@functools.lru_cache(maxsize=1024)
def _kind(kind: str) -> tuple[str, int]:
    """(one shared string per kind, trust in the name that the fact gives)."""
    return sys.intern(kind), identity.trait_of(kind).rank


@functools.lru_cache(maxsize=4096)
def claims_of(raw: bytes) -> Claims:
    """Claims from JSON; facts with the same claims share one object."""
    intern = sys.intern
    return tuple(
        [
            (intern(attribute), intern(value), sure, intern(name), intern(family))
            for attribute, value, sure, name, family in _CLAIMS.decode(raw)
        ]
    )
