"""The boundary: the one place that catches everything a unit may throw. A fault is counted by its shape, told once, its packet kept; the sensor goes on.

Malformed is no fault of ours: it is what a dissector says about a peer, counted apart.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import msgspec

from sensor.core.bounded import Bounded
from sensor.core.packet import Packet
from sensor.core.reader import Malformed

Said = TypeVar("Said")
SHAPES_LIMIT = 256
QUARANTINE_LIMIT = 64


class Fault(msgspec.Struct):
    """A unit of ours that broke: where, how often, and the packet that did it first (None where there was none)."""

    unit: str
    error: str
    place: str
    packet: Packet | None
    count: int = 1


class Boundary:
    """Runs unit calls. ``malformed`` counts (unit, fault of the message), ``faults`` our own by (unit, place), both bounded."""

    def __init__(self, report: Callable[[Fault], None] | None = None) -> None:
        self.malformed: Bounded[tuple[str, str], int] = Bounded(SHAPES_LIMIT)
        self.faults: Bounded[tuple[str, str], Fault] = Bounded(SHAPES_LIMIT)
        self.samples: Bounded[tuple[str, str], Packet] = Bounded(QUARANTINE_LIMIT)
        self._report = report

    def run(self, unit: str, call: Callable[..., Iterable[Said] | None], *args: object, packet: Packet | None = None) -> tuple[list[Said], bool]:
        """Everything the call yields up to the point where it breaks, and whether it came to its end."""
        return self.each(((unit, call),), args, packet)

    def all(self, unit: str, call: Callable[[Any], object], things: Iterable[Any], packet: Packet | None = None) -> None:
        """Calls a unit with each of the things. One that breaks costs only itself."""
        left, whole = iter(things), False
        while not whole:
            _, whole = self.run(unit, _feed, call, left, packet=packet)

    def each(
        self, calls: Iterable[tuple[str, Callable[..., Iterable[Said] | None]]], args: tuple[object, ...], packet: Packet | None, *, quiet: bool = False
    ) -> tuple[list[Said], bool]:  # fmt: skip
        """The same of several units, one after the other and each guarded for itself; whether all came to their end. A call that has nothing to say may return
        None. ``quiet``: nothing is counted, since the caller finds out whose fault it is.
        """
        said: list[Said] = []
        whole = True
        for unit, call in calls:
            try:
                words = call(*args)
                if words is not None:
                    said.extend(words)  # item by item: what was said before a break is not lost with it
            except Malformed as malformed:
                self._count_malformed((unit, str(malformed.args[0] if malformed.args else "")), packet)
                whole = False
            except Exception as error:  # noqa: BLE001 - the one blanket handler of the program
                if not quiet:
                    self._count_fault(unit, error, packet)
                whole = False
        return said, whole

    def _count_malformed(self, shape: tuple[str, str], packet: Packet | None) -> None:
        self.malformed.put(shape, (self.malformed.get(shape) or 0) + 1)
        if packet is not None and shape not in self.samples:
            self.samples.put(shape, packet)

    def _count_fault(self, unit: str, error: Exception, packet: Packet | None) -> None:
        last = traceback.extract_tb(error.__traceback__)[-1]
        shape = (unit, f"{last.name}:{last.lineno}")
        fault = self.faults.get(shape)
        if fault is not None:
            fault.count += 1
            return
        fault = Fault(unit, f"{type(error).__name__}: {error}", shape[1], packet)
        self.faults.put(shape, fault)
        if self._report is not None:
            self._report(fault)


def _feed(call: Callable[[Any], object], things: Iterator[Any]) -> None:
    for one in things:
        call(one)
