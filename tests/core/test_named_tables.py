"""Named tables: tables of every kind count their evictions under the names that units assign."""

from __future__ import annotations

import numpy as np
import pytest

from sensor.core.bounded import Bounded, Recent
from sensor.core.named_tables import NamedTables
from sensor.core.recent import RecentSet
from sensor.core.time_units import SECOND
from sensor.counting.rates import RateWindow
from sensor.counting.tally import Counts, Distinct
from sensor.counting.windows import DistinctWindow


class Unit:
    """Tables of every kind; attributes and tables have different names."""

    def __init__(self) -> None:
        self.tables = tables = NamedTables()
        self._one: Recent[int] = tables.add("reported", Recent(2, SECOND))
        self._two: Counts[int] = tables.add("counts", Counts(SECOND, keys=2))
        self._three: Distinct[int, int] = tables.add("distinct", Distinct(SECOND, keys=2))
        self._four: Bounded[int, int] = tables.add("pairs", Bounded(2))
        self.recent = tables.add("recent", RecentSet(2))
        self.rates = tables.add("rates", RateWindow(SECOND, 3))
        self.window = tables.add("window", DistinctWindow(SECOND, 3, 3))

    def fill(self, count: int) -> None:
        keys, ts = np.arange(count, dtype=np.uint64), np.full(count, SECOND, np.int64)
        for key in range(count):
            self._one.fresh(key, SECOND)
            self._two.add(key, SECOND)
            self._three.add(key, key, SECOND)
            self._four.put(key, key)
        self.recent.fresh(keys * np.uint64(0x9E3779B97F4A7C15), ts, SECOND)
        self.rates.count(keys, ts)
        self.window.count(keys, keys, ts)


def test_tables_without_evictions_are_omitted() -> None:
    unit = Unit()
    unit.fill(2)
    assert len(list(unit.tables)) == 7
    assert unit.tables.evicted() == {}


def test_every_kind_of_table_counts() -> None:
    """Ten keys in tables of two: eight are evicted; in hash tables of kernels, some are."""
    unit = Unit()
    unit.fill(10)
    found = unit.tables.evicted()
    assert [found.pop(name) for name in ("reported", "counts", "distinct", "pairs")] == [8, 8, 8, 8]
    assert found == {
        "recent": unit.recent.evicted,
        "rates": unit.rates.evicted,
        "window": unit.window.evicted_keys + unit.window.evicted_pairs,
    }
    assert unit.recent.evicted
    assert unit.rates.evicted
    assert unit.window.evicted_keys


def test_tables_of_a_part_have_its_name_before_theirs() -> None:
    whole, part = NamedTables(), Unit()
    part.fill(3)
    assert whole.include("part", part) is part
    assert whole.evicted()["part.pairs"] == 1


def test_a_name_is_given_once() -> None:
    tables = NamedTables()
    tables.add("pairs", Bounded[int, int](2))
    tables.include("part", Unit())
    with pytest.raises(ValueError, match="table pairs"):
        tables.add("pairs", Bounded[int, int](2))
    with pytest.raises(ValueError, match="unit part"):
        tables.include("part", Unit())


def test_a_cleared_table_keeps_its_count() -> None:
    """A counter never decreases."""
    table: Bounded[int, int] = Bounded(300)
    for key in range(301):
        table.put(key, key)
    table.clear()
    assert (len(table), table.evicted) == (0, 1)
