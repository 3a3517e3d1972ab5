"""The flow changes of one batch for detectors: the rows themselves, and values that several detectors derive from them,
computed once.

``contacts`` are the changes in terms of ``sensor.counting.contacts``: opened, answered, failed. ``flooded`` is true for
each contact whose target is being flooded: the sources of a flood are spoofed, and none of them is a scanner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from sensor.core.addresses import Networks
from sensor.core.flow import Change
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
    """For every target block (an IPv4 /24, an IPv6 address) and protocol: how many flows of the last minute have no
    answer, and from how many sources.
    """

    def __init__(self, flows: int = FLOOD_FLOWS, marks: int = FLOOD_MARKS) -> None:
        """A block is flooded at ``flows`` a minute from sources that set so many of 64 marks."""
        self.flows, self.marks = flows, marks
        self._rates = RateWindow(MINUTE)

    def found(self, rows: Rows) -> list[tuple[int, int, int]]:
        """(row, flows, marks) where a block begins to be flooded, at most once a minute."""
        return self._rates.follow(rows["block"], rows["client"], rows["ts"], rows["step"], self.flows, self.marks)

    def on(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """For each row that begins a flow, or marks one as answered or unanswered, whether its target block is being
        flooded.
        """
        requested = (rows["op"] | rows["step"] | (rows["kind"] == Change.NEW)).astype(np.int8)
        return self._rates.above(
            rows["block"], rows["client"], rows["ts"], rows["step"], requested, self.flows, self.marks
        )


class Changes:
    """``rows``: CHANGE, in packet order; ``contacts`` and ``flooded`` as in the module, one per row. ``places``: the
    index of each row among those of the batch, None where all of them are here.
    """

    __slots__ = ("_once", "contacts", "flooded", "places", "rows")

    def __init__(
        self, rows: Rows, contacts: Rows, flooded: npt.NDArray[np.bool_], places: npt.NDArray[np.intp] | None = None
    ) -> None:
        self.rows, self.contacts, self.flooded, self.places = rows, contacts, flooded, places
        self._once: dict[Callable[[Changes], Any], Any] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def once(self, reading: Callable[[Changes], T]) -> T:
        """What several detectors read of the changes in the same way, read by the first of them."""
        if reading not in self._once:
            self._once[reading] = reading(self)
        found: T = self._once[reading]
        return found

    def without_floods(self) -> Changes:
        """The same without what a flood is made of, unanswered flows to those who are flooded: no detector but those of
        floods has to wade through it.
        """
        drowned = self.flooded & (self.contacts["op"] != ANSWERED)
        if not drowned.any():
            return self
        kept = np.ones(len(self.rows), np.bool_)
        kept[self.contacts["row"][drowned]] = False
        contacts = self.contacts[~drowned]
        contacts["row"] = (np.cumsum(kept) - 1)[contacts["row"]]
        places = kept.nonzero()[0]
        return Changes(self.rows[places], contacts, self.flooded[~drowned], places)


class ChangeReader:
    """Reads the changes of batch after batch: which directions the capture shows, and who is being flooded, is
    remembered from one to the next.
    """

    def __init__(self, networks: Networks) -> None:
        self._blocks, self._floods = Blocks(networks.blocks), Floods()
        self._seen = np.zeros(3, np.uint8)

    def rezone(self, networks: Networks) -> None:
        """The networks are others now."""
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
