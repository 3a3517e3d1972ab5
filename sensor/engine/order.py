"""Order: what a batch holds for Python, in packet order. It is sorted in columns, for most rows hold something, and
objects are made only of what is done.

Where several things fall on one row, they come in the order of their tasks; of changes that age made at a new second,
all come before, one change after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

# Bits of a task, and what puts the changes that age made before all tasks.
TASK_BITS = 10
_EARLY = 1 << 62

# (row, whether it is of the packet itself or after it, task, index of the change or -1, what).
Due = tuple[int, bool, int, int, Any]


class Agenda:
    """The things to do of one batch: ``add`` in any order, then ``due`` once."""

    def __init__(self, changes: npt.NDArray[np.void], ticks: npt.NDArray[np.void]) -> None:
        """``changes``: CHANGE; ``ticks``: TICK."""
        self._rows = changes["row"].astype(np.int64)
        self._early = np.zeros(len(changes), np.int64)
        for first, stop in zip(ticks["first"].tolist(), ticks["stop"].tolist(), strict=True):
            self._early[first:stop] = (np.arange(first, stop) << TASK_BITS) - _EARLY
        self._columns: list[npt.NDArray[np.int64]] = []
        self._what: list[Any] = []

    def of_changes(self, task: int, at: Sequence[int] | npt.NDArray[np.int64], what: Iterable[Any]) -> None:
        """Things to do of changes, by their indexes."""
        places = np.array(at, np.int64)
        self._add(task, self._rows[places], self._early[places] + task, places, what)

    def of_rows(self, task: int, rows: npt.NDArray[np.int32], what: Iterable[Any]) -> None:
        """Things to do of packets."""
        self._add(task, rows, np.full(len(rows), task), np.full(len(rows), -1), what)

    def _add(
        self, task: int, rows: npt.NDArray[Any], order: npt.NDArray[Any], at: npt.NDArray[Any], what: Iterable[Any]
    ) -> None:
        if len(rows):
            self._columns.append(np.array((rows, order, np.full(len(rows), task), at), np.int64))
            self._what.extend(what)

    def due(self, packet: int) -> Iterator[Due]:
        """All of them in order; tasks from ``packet`` on are of the packet itself or after it, where the change was not
        made by age.
        """
        if not self._columns:
            return iter(())
        rows, order, tasks, at = np.concatenate(self._columns, axis=1)
        sorting = np.lexsort((order, rows))
        columns = (rows, order >= packet, tasks, at)
        return zip(
            *(column[sorting].tolist() for column in columns),
            map(self._what.__getitem__, sorting.tolist()),
            strict=True,
        )
