"""Evictions: every bounded table of an engine is found, has a name of its own, and tells what it let go."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from sensor.config import load_config
from sensor.core.bounded import Bounded, Recent
from sensor.core.recent import RecentSet
from sensor.core.time_units import SECOND
from sensor.counting.rates import RateWindow
from sensor.counting.tally import Counts, Distinct
from sensor.counting.windows import DistinctWindow
from sensor.engine.evictions import evictions
from sensor.runtime.assembly import assemble
from tests.detectors.test_sender_flood import arp
from tests.kit import batch_of, tcp_frame


class Unit:
    """Holds tables of every kind, one of them in a helper, some in a tuple, and one that another unit holds as well."""

    def __init__(self, shared: Bounded[int, int] | None = None) -> None:
        self._reported: Recent[int] = Recent(2, SECOND)
        self._counts: Counts[int] = Counts(SECOND, keys=2)
        self._distinct: Distinct[int, int] = Distinct(SECOND, keys=2)
        self._windows = (RecentSet(2), RateWindow(SECOND, 3), DistinctWindow(SECOND, 3, 3))
        self.shared = shared if shared is not None else Bounded(2)

    def fill(self, count: int) -> None:
        keys, ts = np.arange(count, dtype=np.uint64), np.full(count, SECOND, np.int64)
        for key in range(count):
            self._reported.fresh(key, SECOND)
            self._counts.add(key, SECOND)
            self._distinct.add(key, key, SECOND)
            self.shared.put(key, key)
        recent, rates, distinct = self._windows
        recent.fresh(keys * np.uint64(0x9E3779B97F4A7C15), ts, SECOND)
        rates.count(keys, ts)
        distinct.count(keys, keys, ts)


def test_tables_that_let_nothing_go_are_not_reported() -> None:
    unit = Unit()
    unit.fill(2)
    assert evictions({"unit": unit}) == {}


def test_every_kind_of_table_counts() -> None:
    """Ten keys in tables of two: eight had to go; kernels, whose places depend on hashes, let some go."""
    unit = Unit()
    unit.fill(10)
    found = evictions({"unit": unit})
    assert (
        found.pop("unit.reported"),
        found.pop("unit.counts"),
        found.pop("unit.distinct"),
        found.pop("unit.shared"),
    ) == (
        8,
        8,
        8,
        8,
    )
    recent, rates, distinct = unit._windows
    assert found == {"unit.windows": recent.evicted + rates.evicted + distinct.evicted_keys + distinct.evicted_pairs}
    assert recent.evicted
    assert rates.evicted
    assert distinct.evicted_keys


def test_a_table_that_two_units_know_counts_once_for_the_first() -> None:
    shared: Bounded[int, int] = Bounded(2)
    for key in range(3):
        shared.put(key, key)
    first, second = Unit(shared), Unit(shared)
    assert evictions({"one": first, "two": second}) == {"one.shared": 1}
    assert evictions({"two": second, "one": first}) == {"two.shared": 1}


def test_what_is_cleared_still_reports_what_it_let_go() -> None:
    """A table that is emptied keeps its count: a counter never goes back."""
    table: Bounded[int, int] = Bounded(300)
    for key in range(301):
        table.put(key, key)
    table.clear()
    assert (len(table), table.evicted) == (0, 1)


def test_an_engine_reports_which_of_its_tables_let_something_go(tmp_path: Path) -> None:
    """Two thousand unanswered flows in a table of 1,024, from newcomers of whom a hundred may be pending: both are told
    by name, and nothing of peers is.
    """
    path = tmp_path / "sensor.yaml"
    path.write_text("tables: {flow_bits: 10}\ninventory: {devices: 100}\n", encoding="utf-8")
    pipeline = assemble(load_config(path), lambda _: None)
    assert pipeline.evicted() == {}
    frames = [
        tcp_frame(f"10.0.{n >> 8}.{n & 255}", f"10.1.{n >> 8}.{n & 255}", dport=80, flags=2) for n in range(2_000)
    ]
    frames += [arp(0x0017_9400_0000 + n, n) for n in range(200)]
    pipeline.process(batch_of(frames))
    evicted = pipeline.evicted()
    assert evicted["flows"] == pipeline.report()["flows_evicted"] > 500
    assert evicted["inventory.table"] == pipeline.inventory.telemetry()["evicted"] >= 100
    assert all(re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", name) for name in evicted)


def test_senders_that_are_forgotten_are_counted(tmp_path: Path) -> None:
    """Forty thousand machines, five hundred a second, in a table of four places a hash: some of them make room for
    others, and how many is told.
    """
    path = tmp_path / "sensor.yaml"
    path.write_text("preset: balanced\n", encoding="utf-8")
    pipeline, count = assemble(load_config(path), lambda _: None), 40_000
    times = [n * SECOND // 500 for n in range(count)]
    pipeline.process(batch_of([arp(0x0017_9400_0000 + n, n & 0xFFFF) for n in range(count)], times=times))
    assert 100 < pipeline.evicted()["senders"] < count // 2
