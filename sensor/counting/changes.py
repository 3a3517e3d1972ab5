"""The flow changes of one batch for detectors: the rows, and values that several detectors derive from them, computed
once.

``contacts`` are the changes as contacts (``sensor.counting.contacts``): opened, answered, failed. ``flooded`` is true
for each contact whose target is being flooded: the sources of a flood are spoofed, and none of them is a scanner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from sensor.core.addresses import Networks
from sensor.core.flow import Change
from sensor.core.named_tables import NamedTables
from sensor.core.observation import Subject
from sensor.core.time_units import MINUTE
from sensor.counting.contacts import Blocks, contacts
from sensor.counting.rates import RateWindow
from sensor.counting.windows import DistinctWindow

SKIP, OPENED, ANSWERED, FAILED = 0, 1, 2, 3
CLIENT_INSIDE, SERVER_INSIDE = 1, 2
MARKS = 64
FLOOD_FLOWS, FLOOD_MARKS = 3000, 29

Rows = npt.NDArray[np.void]
T = TypeVar("T")


class Floods:
    """For every target block (an IPv4 /24, an IPv6 address) and protocol: number of unanswered flows in the last
    minute, and of their sources.
    """

    def __init__(self, flows: int = FLOOD_FLOWS, marks: int = FLOOD_MARKS) -> None:
        """A block is treated as flooded with ``flows`` unanswered flows a minute from sources that set ``marks`` of 64
        marks.
        """
        self.flows, self.marks = flows, marks
        self.tables = NamedTables()
        self._rates = self.tables.add("rates", RateWindow(MINUTE))

    def found(self, rows: Rows) -> list[tuple[int, int, int]]:
        """(row, flows, marks) where a flood of a block begins, at most once a minute."""
        return self._rates.follow(rows["block"], rows["client"], rows["ts"], rows["step"], self.flows, self.marks)

    def on(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """For each row that begins a flow, or marks one as answered or unanswered, whether its target block is being
        flooded.
        """
        requested = (rows["op"] | rows["step"] | (rows["kind"] == Change.NEW)).astype(np.int8)
        return self._rates.above(
            rows["block"], rows["client"], rows["ts"], rows["step"], requested, self.flows, self.marks
        )


class Kind(NamedTuple):
    """The changes of one kind: ``at`` are their indexes among all."""

    at: npt.NDArray[np.intp]
    rows: Rows


class Changes:
    """``rows``: CHANGE, in packet order; ``contacts`` and ``flooded`` as in the module's docstring, one per row.
    ``places``: the index of each row among those of the batch, None if this object has all of them.
    """

    __slots__ = ("_kinds", "_once", "contacts", "flooded", "places", "rows")

    def __init__(
        self, rows: Rows, contacts: Rows, flooded: npt.NDArray[np.bool_], places: npt.NDArray[np.intp] | None = None
    ) -> None:
        self.rows, self.contacts, self.flooded, self.places = rows, contacts, flooded, places
        self._once: dict[Callable[[Changes], Any], Any] = {}
        self._kinds: dict[Change, Kind] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, kind: Change) -> Kind:
        """The changes of a kind, selected once for all detectors."""
        found = self._kinds.get(kind)
        if found is None:
            at = (self.rows["kind"] == kind).nonzero()[0]
            found = self._kinds[kind] = Kind(at, self.rows.take(at))
        return found

    def once(self, reading: Callable[[Changes], T]) -> T:
        """A value that several detectors derive from the changes in the same way, computed once."""
        if reading not in self._once:
            self._once[reading] = reading(self)
        found: T = self._once[reading]
        return found

    def without_floods(self) -> Changes:
        """The changes without the unanswered flows to flooded targets, which only detectors of floods need."""
        drowned = self.flooded & (self.contacts["op"] != ANSWERED)
        if not drowned.any():
            return self
        kept = np.ones(len(self.rows), np.bool_)
        kept[self.contacts["row"][drowned]] = False
        contacts = self.contacts.compress(~drowned)
        contacts["row"] = (np.cumsum(kept) - 1)[contacts["row"]]
        places = kept.nonzero()[0]
        return Changes(self.rows.take(places), contacts, self.flooded[~drowned], places)


class ChangeReader:
    """Reads the changes of successive batches; it remembers which directions the capture shows and which targets are
    being flooded.
    """

    def __init__(self, networks: Networks) -> None:
        self._blocks, self._floods = Blocks(networks.blocks), Floods()
        self._seen = np.zeros(3, np.uint8)

    def rezone(self, networks: Networks) -> None:
        """The internal networks changed."""
        self._blocks = Blocks(networks.blocks)

    def read(self, rows: Rows) -> Changes:
        found = contacts(rows, self._blocks, self._seen)
        return Changes(rows, found, self._floods.on(found))


def subjects(rows: Rows, end: str) -> Iterator[Subject]:
    """The ``client`` or ``server`` of each change."""
    macs, his, los, vlans = (rows[name].tolist() for name in (f"{end}_mac", f"{end}_hi", f"{end}_lo", "vlan"))
    return map(Subject, macs, [hi << 64 | lo for hi, lo in zip(his, los, strict=True)], vlans)


def follow(window: DistinctWindow, attempts: Rows) -> list[tuple[int, int, int, list[int]]]:
    """(index among the contacts, counted, met, sample) of each finding of a window."""
    if not len(attempts):
        return []
    found = window.follow(attempts["key"], attempts["value"], attempts["ts"], attempts["since"], attempts["op"])
    return [(int(attempts["at"][i]), counted, met, sample) for i, counted, met, sample in found]
