"""The stored state of a device between two runs: everything its record needs to continue without interruption, as plain
values.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

import msgspec

from sensor.inventory import identity
from sensor.inventory.compact import Addresses
from sensor.inventory.facts import raw_of
from sensor.inventory.record import Neighbour, Record, RoleSet
from sensor.inventory.reporting import Reported
from sensor.inventory.services import shared

_NO_FACTS = msgspec.Raw(b"[]")


class ReportedState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The state known to the receivers of events. Addresses are hexadecimal. ``named``: with a name; of earlier
    versions, which did not report names, as if it had one.
    """

    values: tuple[tuple[str, float], ...]
    identified: bool
    ips: tuple[str, ...]
    named: bool = True


class DeviceState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The stored form of a record. Addresses and networks are hexadecimal, times ns; ``services`` and ``used`` are
    ``protocol << 16 | port``.

    ``facts`` are left as JSON (``facts.py``); ``names`` are its own names with their start, ``joins`` the keys that
    join its randomized MACs.
    """

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
    facts: msgspec.Raw = _NO_FACTS
    weight: int = 0
    names: dict[str, int] = {}
    joins: tuple[str, ...] = ()
    reported: ReportedState | None = msgspec.field(default=None, name="told")  # the key of earlier versions
    news: tuple[tuple[str, str], ...] = ()


def state_of(record: Record) -> DeviceState:
    """The state of a record that is a device."""
    reported = record.reported
    return DeviceState(
        record.id,
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
        raw_of(record.facts.values()),
        record.weight,
        _names(record),
        tuple(_joins(record)) if record.random else (),
        ReportedState(_trimmed(reported.values), reported.identified, _hex(reported.ips), reported.named)
        if reported is not None
        else None,
        record.news,
    )


def _names(record: Record) -> dict[str, int]:
    return {identity.bare(fact.value).lower(): fact.first for fact in record.facts.values() if fact.rank == 0}


def _joins(record: Record) -> Iterator[str]:
    """Keys made of ids and names that do not merely repeat one of its MACs."""
    for fact in record.facts.values():
        if way := identity.trait_of(fact.kind).join:
            keys = {identity.join_key(way, fact.value, mac) for mac in record.macs}
            if "" not in keys:
                yield from keys


def _hex(numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple([f"{number:x}" for number in numbers])


@functools.lru_cache(maxsize=1024)
def _trimmed(values: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
    """The values without unknown ones at the end."""
    known = len(values)
    while known and not values[known - 1][0]:
        known -= 1
    return values[:known]


def record_of(state: DeviceState) -> Record:
    """The record of a state, without its facts (``facts_of``)."""
    record = Record(state.first, state.key, state.macs[0] if state.macs else 0, state.vlan)
    record.joined, record.macs = state.joined, state.macs
    record.last = record.queued = state.last
    record.since = state.since
    record.addresses = Addresses((int(address, 16), last) for address, last in state.addresses.items())
    record.claimed = _numbers(state.claimed)
    record.behind = _numbers(state.behind)
    record.networks = _numbers(state.networks)
    record.roles = _roles(state.roles)
    record.router, record.gateway, record.gone, record.admitted = state.router, state.gateway, state.gone, True
    record.news, record.unread, record.weight = state.news, bytes(state.facts), state.weight
    record.services, record.used, record.neighbours = shared(state.services), shared(state.used), state.neighbours
    if state.reported is not None:
        record.reported = Reported.known(
            state.reported.values,
            state.reported.identified,
            state.reported.named,
            _numbers(state.reported.ips),
            state.last,
        )
    return record


def _numbers(texts: Iterable[str]) -> tuple[int, ...]:
    return tuple([int(text, 16) for text in texts])


@functools.lru_cache(maxsize=256)
def _roles(roles: tuple[str, ...]) -> RoleSet:
    """One shared object for equal roles."""
    return frozenset(roles)
