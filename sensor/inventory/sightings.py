"""Sightings: endpoints that took part in a conversation, taken from flow changes in bulk.

A host that uses a discovery protocol is known from that. An endpoint with flows only is shown when it still has some a
minute after it was first seen, and then at most once a minute: so hosts seen once, invented ones among them, cost no
Python. Those seen but never shown are shown at the end.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sensor.core.addresses import Networks
from sensor.core.recent import RecentSet
from sensor.counting.contacts import Blocks, ends

WINDOW = 60_000_000_000
BITS = 16
# How many endpoints seen once are remembered for the end.
WAITING = 1024
# An unanswered sender counts once it has sent so much: a lone packet may be spoofed.
PATIENT_SENDER = 5

Sighting = tuple[int, int, int, int]


class Sightings:
    """Remembers whom it has seen, in tables of fixed size."""

    def __init__(self, networks: Networks) -> None:
        self._blocks = Blocks(networks.blocks)
        self._recent = RecentSet(BITS)
        self._waiting: list[Sighting] = []

    def rezone(self, networks: Networks) -> None:
        """The networks are others now."""
        self._blocks = Blocks(networks.blocks)

    def fresh(self, changes: npt.NDArray[np.void]) -> Iterator[tuple[int, Sighting]]:
        """(index into ``changes``, (ts, mac, address, vlan)) of each endpoint seen before, but not within the last
        minute, in order.
        """
        found, keys = ends(changes, self._blocks, PATIENT_SENDER)
        seen = self._recent.look(keys, np.ascontiguousarray(found["ts"]), WINDOW)
        picked = np.flatnonzero(seen if len(self._waiting) < WAITING else seen == RecentSet.AGAIN)
        for (ts, mac, hi, lo, row, vlan, _), state in zip(found[picked].tolist(), seen[picked].tolist(), strict=True):
            sighting = ts, mac, hi << 64 | lo, vlan
            if state == RecentSet.AGAIN:
                yield row, sighting
            elif len(self._waiting) < WAITING:
                self._waiting.append(sighting)

    def waiting(self) -> list[Sighting]:
        """The first endpoints that were seen and not shown yet, in the order in which they were seen; they are
        forgotten here.
        """
        waiting, self._waiting = self._waiting, []
        return waiting
