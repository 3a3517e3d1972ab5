"""What is kept of a device between two runs: everything its record needs to go on as if nothing had happened, as plain values."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable

import msgspec

from sensor.core.observation import Evidence
from sensor.inventory import identity
from sensor.inventory.evidence import Claim
from sensor.inventory.record import Fact, Neighbour, Record, RoleSet
from sensor.inventory.services import shared
from sensor.inventory.telling import Told

# One claim: attribute, value, confidence, fingerprint, family.
Claims = tuple[tuple[str, str, float, str, str], ...]

_encode = msgspec.json.Encoder().encode
_CLAIMS = msgspec.json.Decoder(Claims)
_NO_CLAIMS = b"[]"


class FactState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A fact with the claims that fingerprints made of it. ``address`` is hexadecimal; ``claims`` are left as text, since few differ."""

    kind: str
    value: str
    address: str
    first: int
    last: int
    count: int
    claims: msgspec.Raw


class ToldState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What the receivers of events know. Addresses are hexadecimal."""

    values: tuple[tuple[str, float], ...]
    identified: bool
    ips: tuple[str, ...]


class DeviceState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record. Addresses and networks are hexadecimal, times ns; ``services`` and ``used`` are ``protocol << 16 | port``."""

    id: str
    key: str
    first: int
    last: int
    since: int
    joined: str = ""
    macs: tuple[int, ...] = ()
    vlan: int = 0
    addresses: dict[str, int] = {}
    claimed: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    router: bool = False
    gateway: bool = False
    gone: bool = False
    services: tuple[int, ...] = ()
    used: tuple[int, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    facts: tuple[FactState, ...] = ()
    told: ToldState | None = None
    news: tuple[tuple[str, str], ...] = ()


def state_of(record: Record) -> DeviceState:
    """The state of a record that is a device."""
    told = record.told
    return DeviceState(
        record.device.id if record.device is not None else "",
        record.key,
        record.first,
        record.last,
        record.since,
        record.joined,
        record.macs,
        record.vlan,
        {f"{address:x}": last for address, last in record.addresses.items()},
        _hex(record.claimed),
        _hex(record.behind),
        _hex(record.networks),
        tuple(record.roles),
        record.router,
        record.gateway,
        record.gone,
        record.services,
        record.used,
        record.neighbours,
        tuple([_fact_state(fact) for fact in record.facts.values()]),
        ToldState(told.values, told.identified, _hex(told.ips)) if told is not None else None,
        record.news,
    )


def _hex(numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple([f"{number:x}" for number in numbers])


def _fact_state(fact: Fact) -> FactState:
    claims = tuple([(one.attribute, one.value, one.confidence, one.fingerprint, one.family) for one in fact.evidence])
    return FactState(fact.kind, fact.value, f"{fact.address:x}", fact.first, fact.last, fact.count, _raw(claims))


@functools.lru_cache(maxsize=4096)
def _raw(claims: Claims) -> msgspec.Raw:
    return msgspec.Raw(_encode(claims))


def record_of(state: DeviceState) -> Record:
    """The record, without its facts (``facts_of``)."""
    record = Record(state.first, state.key, state.macs[0] if state.macs else 0, state.vlan)
    record.joined, record.macs = state.joined, state.macs
    record.last = record.queued = state.last
    record.since = state.since
    record.addresses = {int(address, 16): last for address, last in state.addresses.items()}
    record.claimed, record.behind, record.networks = _numbers(state.claimed), _numbers(state.behind), _numbers(state.networks)
    record.roles = _roles(state.roles)
    record.router, record.gateway, record.gone, record.admitted = state.router, state.gateway, state.gone, True
    record.news = state.news
    record.services, record.used, record.neighbours = shared(state.services), shared(state.used), state.neighbours
    if state.told is not None:
        record.told = Told.known(state.told.values, state.told.identified, _numbers(state.told.ips), state.last)
    return record


def _numbers(texts: Iterable[str]) -> tuple[int, ...]:
    return tuple([int(text, 16) for text in texts])


@functools.lru_cache(maxsize=256)
def _roles(roles: tuple[str, ...]) -> RoleSet:
    """One object for all that are alike."""
    return frozenset(roles)


def facts_of(state: DeviceState) -> list[Fact]:
    """Its facts with the evidence they had. ValueError where claims are none."""
    # Most facts of a device have the same times and address: one number for all takes less memory.
    same: dict[int, int] = {}
    return [_fact(one, same.setdefault) for one in state.facts]


def _fact(state: FactState, same: Callable[[int, int], int]) -> Fact:
    fact = Fact.__new__(Fact)
    kind = fact.kind = sys.intern(state.kind)
    fact.value, fact.rank, fact.count = state.value, identity.trait_of(kind).rank, state.count
    address = int(state.address, 16)
    first, last = fact.first, fact.last = same(state.first, state.first), same(state.last, state.last)
    fact.address = same(address, address)
    raw = bytes(state.claims)
    fact.evidence = tuple([Evidence(*claim, kind, state.value, first, last, state.count) for claim in claims_of(raw)]) if raw != _NO_CLAIMS else ()
    return fact


def believe(fact: Fact, claims: Iterable[Claim]) -> None:
    """Put what the fingerprints of today make of a fact in place of what it was."""
    fact.evidence = tuple(
        Evidence(one.attribute, one.value, one.confidence, one.fingerprint, one.family, fact.kind, fact.value, fact.first, fact.last, fact.count)
        for one in claims
    )


@functools.lru_cache(maxsize=4096)
def claims_of(raw: bytes) -> Claims:
    """Claims from their text; the same objects for all facts that are alike."""
    return tuple(
        [(sys.intern(attribute), sys.intern(value), sure, sys.intern(name), sys.intern(family)) for attribute, value, sure, name, family in _CLAIMS.decode(raw)]
    )
