"""Tables for kernels: their alignment, and windows within the memory budget."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest

from sensor.counting import flow_detector
from sensor.counting.aligned import HUGE, LINE, tables
from sensor.counting.flow_detector import sized_window


@pytest.mark.parametrize(
    ("sizes", "unit"),
    [((3, 5), LINE), ((HUGE // 8 - LINE // 8,), LINE), ((HUGE // 8,), HUGE), ((HUGE // 8 - 8, 8), HUGE)],
)
def test_tables_are_aligned_zeroed_and_apart(sizes: tuple[int, ...], unit: int) -> None:
    """Each begins at a cache line; those that fill a huge page begin at one."""
    found = tables(*((size, "u8") for size in sizes))
    assert [len(table) for table in found] == list(sizes)
    assert found[0].ctypes.data % unit == 0
    assert all(table.ctypes.data % LINE == 0 and not table.any() for table in found)
    for table in found:
        table += 1
    assert [int(table.astype(np.int64).sum()) for table in found] == list(sizes)


@pytest.mark.parametrize("more", [-1, 0, 2])
def test_a_window_grows_with_the_budget(more: int) -> None:
    """Keys, pairs and waiting contacts alike."""
    made: list[tuple[Any, ...]] = []
    context: Any = SimpleNamespace(more_bits=more)
    with mock.patch.object(flow_detector, "DistinctWindow", lambda *sizes: made.append(sizes)):
        sized_window(context, 60, 10, 12, 3, 14)
        sized_window(context, 60, 10, 12)
    assert made == [(60, 10 + more, 12 + more, 3, 14 + more), (60, 10 + more, 12 + more, 0, 15 + more)]
