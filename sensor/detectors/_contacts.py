"""What flow changes say about contacts, in bulk (opened, answered, failed), and whether a target is being flooded."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.core.addresses import Networks
from sensor.core.contacts import Blocks, contacts
from sensor.core.rates import RateWindow
from sensor.core.windows import DistinctWindow

SKIP, OPENED, ANSWERED, FAILED = 0, 1, 2, 3
TCP, UDP = 6, 17
CLIENT_INSIDE, SERVER_INSIDE = 1, 2
MINUTE = 60_000_000_000
MARKS = 64
FLOOD_FLOWS, FLOOD_MARKS = 3000, 29

Rows = npt.NDArray[np.void]


class _Read(NamedTuple):
    """What was read last: of which changes, with which networks, and what was seen in both directions before and after."""

    changes: Rows
    networks: Networks
    before: bytes
    rows: Rows
    after: npt.NDArray[np.uint8]


class _Reader:
    """Reads changes once for all detectors: they are asked one after the other about the same ones, and have seen the same before."""

    def __init__(self) -> None:
        self._last: _Read | None = None

    def read(self, changes: Rows, networks: Networks, blocks: Blocks, seen: npt.NDArray[np.uint8]) -> Rows:
        last, before = self._last, seen.tobytes()
        if last is None or last.changes is not changes or last.networks is not networks or last.before != before:
            last = self._last = _Read(changes, networks, before, contacts(changes, blocks, seen), seen.copy())
        seen[:] = last.after
        return last.rows


_READER = _Reader()


class Contacts:
    """Changes as rows of ``sensor.core.contacts``, for one detector."""

    def __init__(self, networks: Networks) -> None:
        self._networks, self._blocks = networks, Blocks(networks.blocks)
        self._seen = np.zeros(3, np.uint8)

    def of(self, changes: Rows) -> Rows:
        return _READER.read(changes, self._networks, self._blocks, self._seen)


def follow(window: DistinctWindow, attempts: Rows) -> list[tuple[int, int, int, list[int]]]:
    """(index among the contacts, counted, met, sample) of each finding of a window."""
    if not len(attempts):
        return []
    found = window.follow(attempts["key"], attempts["value"], attempts["ts"], attempts["since"], attempts["op"])
    return [(int(attempts["at"][i]), counted, met, sample) for i, counted, met, sample in found]


class Floods:
    """For every target block (an IPv4 /24, an IPv6 address) and protocol: how many flows of the last minute have no answer, and from how many sources."""

    def __init__(self, flows: int = FLOOD_FLOWS, marks: int = FLOOD_MARKS) -> None:
        """A block is flooded at ``flows`` a minute from sources that set so many of 64 marks."""
        self.flows, self.marks = flows, marks
        self._rates = RateWindow(MINUTE)

    def found(self, rows: Rows) -> list[tuple[int, int, int]]:
        """(row, flows, marks) where a block begins to be flooded, at most once a minute."""
        return self._rates.follow(rows["block"], rows["client"], rows["ts"], rows["step"], self.flows, self.marks)

    def on(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """For each row with an operation whether its target block is being flooded: sources that flood are made up, and none of them is a scanner."""
        return self._rates.above(rows["block"], rows["client"], rows["ts"], rows["step"], rows["op"], self.flows, self.marks)
