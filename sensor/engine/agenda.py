"""Agenda: the tasks of a batch for Python, in packet order. They are sorted as columns, because most rows have tasks;
objects are made only for tasks that are executed.

Tasks of the same row come in the order of their numbers. Changes made by aging at a new second come before all others,
one change after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

# Bits of a task number, and the offset that puts changes made by aging before all tasks.
TASK_BITS = 10
_EARLY = 1 << 62

# (row, whether the task is of the packet or after it, task, index of the change or -1, data).
Due = tuple[int, bool, int, int, Any]


class Agenda:
    """The tasks of one batch: call ``of_changes`` and ``of_rows`` in any order, then ``due`` once."""

    def __init__(self, changes: npt.NDArray[np.void], ticks: npt.NDArray[np.void]) -> None:
        """``changes``: CHANGE; ``ticks``: TICK."""
        self._rows = changes["row"]
        aged = ticks.compress(ticks["first"] < ticks["stop"])
        self._first, self._stop = aged["first"].astype(np.int64), aged["stop"].astype(np.int64)
        self._columns: list[npt.NDArray[np.int64]] = []
        self._what: list[Any] = []

    def of_changes(self, task: int, at: Sequence[int] | npt.NDArray[np.int64], what: Iterable[Any]) -> None:
        """Add tasks for changes, by their indexes."""
        places = np.array(at, np.int64)
        self._add(task, self._rows[places], self._early(places) + task, places, what)

    def _early(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | int:
        """What puts changes made by aging first, each in its place."""
        if not len(self._first):
            return 0
        of = self._first.searchsorted(places, "right") - 1
        aged = (of >= 0) & (places < self._stop[of])
        return np.where(aged, (places << TASK_BITS) - _EARLY, 0)

    def of_rows(self, task: int, rows: npt.NDArray[np.int32], what: Iterable[Any]) -> None:
        """Add tasks for packets."""
        self._add(task, rows, task, -1, what)

    def _add(
        self,
        task: int,
        rows: npt.NDArray[Any],
        order: npt.NDArray[np.int64] | int,
        at: npt.NDArray[np.int64] | int,
        what: Iterable[Any],
    ) -> None:
        if len(rows):
            columns = np.empty((4, len(rows)), np.int64)
            columns[0], columns[1], columns[2], columns[3] = rows, order, task, at
            self._columns.append(columns)
            self._what.extend(what)

    def due(self, packet: int) -> Iterator[Due]:
        """All tasks in order; tasks from ``packet`` on belong to the packet itself or come after it, unless the change
        was made by aging.
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
