"""Who hears events: for each class those that watch it, asked by one compiled function what they want.

A want that breaks is a fault of whoever declared it: it is counted, and its owner hears every event of that class from
then on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sensor.boundary import Boundary
from sensor.core.deriver import Deriver
from sensor.core.detector import Detector, EventDetector
from sensor.core.event import Event
from sensor.core.wants import ALWAYS, Listener, Read, UnknownField, Want, event_reader
from sensor.engine.choice import compiled

# Combinations of those who want one event: few ever occur.
COMBINATIONS_LIMIT = 1024

Call = Callable[[Any], Iterable[Any] | None]
Unit = tuple[str, Call]


class Member(NamedTuple):
    """Whoever hears events of one class: its name for the boundary, what hears, and what it wants."""

    unit: str
    call: Call
    want: Want = ALWAYS


class _Hearers:
    """Those of one class. ``choose`` gives the ones that want an event, in their order."""

    def __init__(self, kind: type[Event], members: Sequence[Member]) -> None:
        self.kind, self.members = kind, list(members)
        self.everybody: tuple[Unit, ...] = tuple((member.unit, member.call) for member in members)
        self._mask = compiled(kind, [member.want for member in members])
        self._sets: dict[int, tuple[Unit, ...]] = {0: ()}

    def choose(self, event: Event) -> tuple[Unit, ...]:
        mask = self._mask(event)
        chosen = self._sets.get(mask)
        if chosen is None:
            if len(self._sets) >= COMBINATIONS_LIMIT:
                self._sets = {0: ()}
            chosen = self._sets[mask] = tuple(unit for place, unit in enumerate(self.everybody) if mask >> place & 1)
        return chosen


class Audience:
    """Calls whoever wants an event, each guarded by the boundary."""

    def __init__(self, boundary: Boundary, members: Iterable[tuple[type[Event], Member]], before: Audience | None = None) -> None:
        """``before``: an audience whose functions are used again where the members are the same. UnknownField where a
        want reads what its class does not have.
        """
        self._each = boundary.each
        found: dict[type[Event], list[Member]] = {}
        for kind, member in members:
            found.setdefault(kind, []).append(member)
        known: dict[type[Event], _Hearers] = before._hearers if before is not None else {}  # noqa: SLF001 - of its own class
        same = {kind: known[kind] for kind, some in found.items() if kind in known and known[kind].members == some}
        self._hearers: dict[type[Event], _Hearers] = {kind: same.get(kind) or _Hearers(kind, some) for kind, some in found.items()}
        self._choose = {kind: ((kind.__name__, hearers.choose),) for kind, hearers in self._hearers.items()}

    @property
    def kinds(self) -> frozenset[type[Event]]:
        """The classes of events that anybody hears."""
        return frozenset(self._hearers)

    def hear(self, event: Event) -> list[Any]:
        """What all who want the event say of it."""
        choose = self._choose.get(type(event))
        if choose is None:
            return []
        chosen, whole = self._each(choose, (event,), None, quiet=True)
        if not whole:
            chosen = list(self._blame(event))
        return self._each(chosen, (event,), event.packet)[0] if chosen else chosen

    def _blame(self, event: Event) -> tuple[Unit, ...]:
        """A want broke: whose it is, who hears everything from now on, as all do this once."""
        kind, read = type(event), event_reader(event)
        members = []
        for member in self._hearers[kind].members:
            _, sound = self._each(((member.unit, _asked(member.want)),), (read,), event.packet)
            members.append(member if sound else member._replace(want=ALWAYS))
        if members == self._hearers[kind].members:  # nobody, when asked one by one: then the function is to blame
            self._each(self._choose[kind], (event,), event.packet)
            members = [member._replace(want=ALWAYS) for member in members]
        hearers = self._hearers[kind] = _Hearers(kind, members)
        self._choose[kind] = ((kind.__name__, hearers.choose),)
        return hearers.everybody


def judges(detectors: Iterable[Detector]) -> Iterator[tuple[type[Event], Member]]:
    """The detectors of events, by what they watch and want."""
    for detector in detectors:
        if isinstance(detector, EventDetector):
            wants = detector.wants()
            if odd := wants.keys() - set(detector.watches):
                raise UnknownField(f"{detector.id} wants some of {', '.join(sorted(kind.__name__ for kind in odd))}, which it does not watch")
            for kind in detector.watches:
                yield kind, Member(detector.id, detector.inspect, wants.get(kind, ALWAYS))


def deriving(derivers: Mapping[str, Deriver]) -> Iterator[tuple[type[Event], Member]]:
    """Those who make events of events, by name."""
    for name, deriver in derivers.items():
        wants = deriver.wants()
        for kind in deriver.watches:
            yield kind, Member(name, deriver.derive, wants.get(kind, ALWAYS))


def listening(listeners: Iterable[Listener]) -> Iterator[tuple[type[Event], Member]]:
    """Those who raise no alerts."""
    for one in listeners:
        yield one.event, Member(one.unit, one.hear, one.want)


def _asked(want: Want) -> Callable[[Read], tuple[bool]]:
    return lambda read: (want.holds(read),)
