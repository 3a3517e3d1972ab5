"""Sightings: endpoints of flows, taken from flow changes in bulk.

A host that uses a discovery protocol is known from that. An endpoint that has only flows is reported if it still has
some a minute after it was first seen, and then at most once a minute: so hosts seen once, including spoofed ones, are
not processed in Python. Those never reported are reported at the end of the run.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sensor.core.addresses import Networks
from sensor.core.named_tables import NamedTables
from sensor.core.recent import RecentSet
from sensor.counting.contacts import Blocks, ends

WINDOW = 60_000_000_000
BITS = 16
# Number of endpoints seen once that are remembered for the end.
WAITING = 1024
# An unanswered sender counts after this many packets: a single one may be spoofed.
PATIENT_SENDER = 5

Sighting = tuple[int, int, int, int]


class Sightings:
    """Remembers the endpoints seen, in tables of fixed size."""

    def __init__(self, networks: Networks) -> None:
        self._blocks = Blocks(networks.blocks)
        self.tables = NamedTables()
        self._recent = self.tables.add("recent", RecentSet(BITS))
        self._waiting: list[Sighting] = []

    def rezone(self, networks: Networks) -> None:
        """The internal networks changed."""
        self._blocks = Blocks(networks.blocks)

    def fresh(self, changes: npt.NDArray[np.void]) -> Iterator[tuple[int, Sighting]]:
        """(index into ``changes``, (ts, mac, address, vlan)) of each endpoint seen before, but not within the last
        minute, in order.
        """
        found, keys = ends(changes, self._blocks, PATIENT_SENDER)
        seen = self._recent.look(keys, np.ascontiguousarray(found["ts"]), WINDOW)
        picked = np.flatnonzero(seen if len(self._waiting) < WAITING else seen == RecentSet.AGAIN)
        ends_seen = zip(found.take(picked).tolist(), seen[picked].tolist(), strict=True)
        for (ts, mac, hi, lo, row, vlan, _), state in ends_seen:
            sighting = ts, mac, hi << 64 | lo, vlan
            if state == RecentSet.AGAIN:
                yield row, sighting
            elif len(self._waiting) < WAITING:
                self._waiting.append(sighting)

    def waiting(self) -> list[Sighting]:
        """The endpoints seen and not reported yet, in the order in which they were first seen; clears the list."""
        waiting, self._waiting = self._waiting, []
        return waiting
