"""The subscribers of each event class and the events they want: detectors, derivers, and listeners that raise no
alerts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sensor.core.deriver import Deriver
from sensor.core.detector import Detector, EventDetector
from sensor.core.event import Event
from sensor.core.event_fields import UnknownField
from sensor.core.wants import ALWAYS, Listener, Want

Call = Callable[[Any], Iterable[Any] | None]


class Member(NamedTuple):
    """A subscriber of an event class: its name for the error boundary, the function to call, and the events it
    wants.
    """

    unit: str
    call: Call
    want: Want = ALWAYS


Members = Iterable[tuple[type[Event], Member]]


def detecting(detectors: Iterable[Detector]) -> Iterator[tuple[type[Event], Member]]:
    """The event detectors, by the classes they watch. Raises UnknownField if one wants a class that it does not
    watch.
    """
    for detector in detectors:
        if isinstance(detector, EventDetector):
            wants = detector.wants()
            if odd := wants.keys() - set(detector.watches):
                names = ", ".join(sorted(kind.__name__ for kind in odd))
                raise UnknownField(f"{detector.id} wants some of {names}, which it does not watch")
            for kind in detector.watches:
                yield kind, Member(detector.id, detector.inspect, wants.get(kind, ALWAYS))


def deriving(derivers: Mapping[str, Deriver]) -> Iterator[tuple[type[Event], Member]]:
    """The derivers, by name."""
    for name, deriver in derivers.items():
        wants = deriver.wants()
        for kind in deriver.watches:
            yield kind, Member(name, deriver.derive, wants.get(kind, ALWAYS))


def listening(listeners: Iterable[Listener]) -> Iterator[tuple[type[Event], Member]]:
    """The listeners, which raise no alerts."""
    for one in listeners:
        yield one.event, Member(one.unit, one.receive, one.want)
