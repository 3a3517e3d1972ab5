"""Habits of one device: the services it offers and uses, with which peers and since when. Limited in size, and
serializable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from sensor.core.bounded import Bounded
from sensor.core.time_units import HOUR

# Limits per device; the entries not seen for longest are evicted.
USES_LIMIT, SERVED_LIMIT, CLIENTS_LIMIT, SEGMENTS_LIMIT = 192, 64, 16, 64
# Limits for external servers: names with their services, and addresses without a known name.
NAMES_LIMIT, ADDRESSES_LIMIT = 32, 16
# General-purpose hosts: their destinations depend on their users, and are not learned.
MANY_JOBS = frozenset(("workstation", "server", "mobile", "tablet", "game_console", "unknown"))
# Weight of silent hours: a device with little traffic also completes learning, only later.
SILENCE = 1 / 3
# Limit on silent hours per active hour: a device silent for more than a day was not watched, or not present.
SILENT_MOST = 24
# Name of all external hosts together.
OUTSIDE = "outside"


class Use(msgspec.Struct, gc=False, array_like=True):
    """First and last flow (start times, ns) and number of flows counted; about one an hour is."""

    first: int
    last: int
    count: int = 1

    def again(self, ts: int) -> None:
        self.first, self.last, self.count = min(self.first, ts), max(self.last, ts), self.count + 1


class Named(Use, gc=False, array_like=True):
    """A server with a known name, and the address it was last contacted at."""

    address: str = ""


class StoredHabits(msgspec.Struct, omit_defaults=True):
    """The stored form of habits; services are ``protocol << 16 | port``. ``uses``: (peer, service, use), ``serves``:
    (service, use, clients), ``names`` and ``addresses``: (server, service, use) of external servers; ``crowded``: there
    were more external servers than the limit.
    """

    kind: str
    segment: str
    first: int
    last: int
    hours: int
    uses: list[tuple[str, int, Use]] = []
    serves: list[tuple[int, Use, list[str]]] = []
    segments: list[str] = []
    names: list[tuple[str, int, Named]] = []
    addresses: list[tuple[str, int, Use]] = []
    crowded: bool = False


class ExternalServers:
    """External servers of a fixed-function device: by the names that it resolved, or by address if none is known."""

    __slots__ = ("addresses", "crowded", "names")

    def __init__(self) -> None:
        self.names: Bounded[tuple[str, int], Named] = Bounded(NAMES_LIMIT)
        self.addresses: Bounded[tuple[str, int], Use] = Bounded(ADDRESSES_LIMIT)
        self.crowded = False

    def __len__(self) -> int:
        return len(self.names) + len(self.addresses)

    def again(self, names: Iterable[str], address: str, service: int, ts: int) -> None:
        """Record a flow with an address. ``names``: names of the address, newest first; a name that the device used
        before is preferred.
        """
        known = next(((name, service) for name in names if (name, service) in self.names), None)
        named = known or next(((name, service) for name in names), None)
        if named is None:
            self._address((address, service), ts)
        elif (use := self.names.get(named)) is not None:
            use.again(ts)
            use.address = address
        elif self.names.put(named, Named(ts, ts, 1, address)) is not None:
            self.crowded = True

    def _address(self, key: tuple[str, int], ts: int) -> None:
        use = self.addresses.get(key)
        if use is not None:
            use.again(ts)
        elif self.addresses.put(key, Use(ts, ts)) is not None:
            self.crowded = True

    def absorb(self, other: ExternalServers) -> None:
        """Add the data of another record of the same device."""
        for name, named in other.names.items():
            self.names.put(name, self.names.get(name) or named)
        for address, use in other.addresses.items():
            self.addresses.put(address, self.addresses.get(address) or use)
        self.crowded |= other.crowded

    def forget(self, service: int) -> None:
        for key in [key for key in self.names if key[1] == service]:
            self.names.pop(key)
        for key in [key for key in self.addresses if key[1] == service]:
            self.addresses.pop(key)


class Habits:
    """What was learned of one device. ``kind``: its type; ``segment``: its network segment; ``hours``: number of active
    hours; ``reached``: external servers, None if these are not learned.
    """

    __slots__ = ("first", "hours", "kind", "last", "reached", "segment", "segments", "serves", "uses")

    def __init__(self, kind: str, segment: str, ts: int) -> None:
        self.kind, self.segment = kind, segment
        self.first = self.last = ts
        self.hours = 1
        self.uses: Bounded[tuple[str, int], Use] = Bounded(USES_LIMIT)
        self.serves: Bounded[int, tuple[Use, Bounded[str, int]]] = Bounded(SERVED_LIMIT)
        self.segments: Bounded[str, int] = Bounded(SEGMENTS_LIMIT)
        self.reached: ExternalServers | None = None

    def __len__(self) -> int:
        return len(self.uses) + len(self.serves) + (len(self.reached) if self.reached is not None else 0)

    def seen(self, ts: int) -> None:
        """The device was active at ``ts``."""
        self.hours += ts // HOUR > self.last // HOUR
        self.first, self.last = min(self.first, ts), max(self.last, ts)

    def use(self, peer: str, service: int, ts: int) -> bool:
        """The device used a service; returns True for the first time."""
        known = self.uses.get((peer, service))
        if known is not None:
            known.again(ts)
            return False
        self.uses.put((peer, service), Use(ts, ts))
        return True

    def serve(self, client: str, service: int, ts: int) -> bool:
        """A client used one of its services; returns True for the first client."""
        known = self.serves.get(service)
        if known is None:
            known = Use(ts, ts), Bounded(CLIENTS_LIMIT)
            self.serves.put(service, known)
            new = True
        else:
            known[0].again(ts)
            new = False
        known[1].put(client, ts)
        return new

    def reach(self, names: Iterable[str], address: str, service: int, ts: int) -> None:
        """The device used a service of an external host."""
        if self.reached is None:
            self.reached = ExternalServers()
        self.reached.again(names, address, service, ts)

    def maturity(self, hours: float, now: int) -> float:
        """0 to 1: share of ``hours`` for which it was watched."""
        if hours <= 0:
            return 1.0
        silent = min(max(0.0, (now - self.first) / HOUR - self.hours), SILENT_MOST * self.hours)
        return min(1.0, (self.hours + silent * SILENCE) / hours)

    def absorb(self, other: Habits) -> None:
        """Add the habits of another record of the same device."""
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        self.hours = max(self.hours, other.hours)
        for (peer, service), use in other.uses.items():
            self.uses.put((peer, service), self.uses.get((peer, service)) or use)
        for service, (use, clients) in other.serves.items():
            mine = self.serves.get(service)
            if mine is None:
                self.serves.put(service, (use, clients))
            else:
                for client in clients:
                    mine[1].put(client, use.last)
        for segment in other.segments:
            self.segments.put(segment, other.last)
        if self.reached is not None and other.reached is not None:
            self.reached.absorb(other.reached)
        else:
            self.reached = self.reached or other.reached

    def forget(self, service: int) -> None:
        """Forget a service that it offers or uses."""
        self.serves.pop(service)
        for peer, used in [pair for pair in self.uses if pair[1] == service]:
            self.uses.pop((peer, used))
        if self.reached is not None:
            self.reached.forget(service)

    def kept(self) -> StoredHabits:
        """The habits in stored form, in the order in which entries were seen."""
        outside = self.reached or ExternalServers()
        return StoredHabits(
            self.kind, self.segment, self.first, self.last, self.hours,
            [(peer, service, use) for (peer, service), use in self.uses.items()],
            [(service, use, list(clients)) for service, (use, clients) in self.serves.items()],
            list(self.segments),
            [(name, service, use) for (name, service), use in outside.names.items()],
            [(address, service, use) for (address, service), use in outside.addresses.items()],
            outside.crowded,
        )  # fmt: skip

    @classmethod
    def of(cls, kept: StoredHabits) -> Habits:
        habits = cls(kept.kind, kept.segment, kept.first)
        habits.last, habits.hours = kept.last, kept.hours
        for peer, service, use in kept.uses:
            habits.uses.put((peer, service), use)
        for service, use, clients in kept.serves:
            known: Bounded[str, int] = Bounded(CLIENTS_LIMIT)
            for client in clients:
                known.put(client, use.last)
            habits.serves.put(service, (use, known))
        for segment in kept.segments:
            habits.segments.put(segment, kept.last)
        if kept.names or kept.addresses:
            habits.reached = reached = ExternalServers()
            for name, service, named in kept.names:
                reached.names.put((name, service), named)
            for address, service, use in kept.addresses:
                reached.addresses.put((address, service), use)
            reached.crowded = kept.crowded
        return habits


def listed(habits: Habits) -> Iterator[tuple[str, str, int, Use, Any]]:
    """(``serves``, ``uses`` or ``reaches``, peer, service, use, number of clients) of all entries. ``reaches`` has the
    external servers whose names or addresses are known.
    """
    for service, (use, clients) in habits.serves.items():
        yield "serves", "", service, use, len(clients)
    for (peer, service), use in habits.uses.items():
        yield "uses", peer, service, use, 0
    if habits.reached is not None:
        for (who, service), use in (*habits.reached.names.items(), *habits.reached.addresses.items()):
            yield "reaches", who, service, use, 0
