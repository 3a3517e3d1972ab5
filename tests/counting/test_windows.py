"""The counting kernels compared with a slow reference, and their properties in floods and clock jumps."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.core.time_units import SECOND
from sensor.counting.contacts import combine
from sensor.counting.windows import DistinctWindow

WINDOW = 80 * SECOND
BUCKET = 10 * SECOND
GRACE = 3 * SECOND
START = 1_700_000_000 * SECOND


@dataclass
class SlowKey:
    latest: int
    pairs: dict[int, tuple[str, int]] = field(default_factory=dict)
    reported: int = -(10**9)
    reported_count: int = 0


class Slow:
    """A reference of DistinctWindow in plain Python: eight buckets, states in dictionaries, no eviction."""

    def __init__(self, grace: int = 0, threshold: int = 2**32, share: float = 0.0) -> None:
        self.keys: dict[int, SlowKey] = {}
        self.grace, self.threshold, self.share = grace, threshold, share
        self.queue: list[tuple[int, int, int, int]] = []
        self.births: dict[tuple[int, int], int] = {}
        self.birth = 0

    def touch(self, name: int, now: int) -> SlowKey:
        key = self.keys.setdefault(name, SlowKey(now))
        if now <= key.latest - 8:
            key.pairs.clear()
            key.latest = now
        key.latest = max(key.latest, now)
        key.pairs = {value: (state, b) for value, (state, b) in key.pairs.items() if 0 <= key.latest - b < 8}
        return key

    def mature(self, ts: int) -> None:
        while self.queue and not ts < self.queue[0][0] <= ts + 2 * self.grace:
            due, name, value, birth = self.queue.pop(0)
            key = self.keys[name]
            if due <= ts and self.births.get((name, value)) == birth and key.pairs.get(value, ("", 0))[0] == "waiting":
                if due // BUCKET > key.latest:
                    self.touch(name, due // BUCKET)
                if value in key.pairs:
                    key.pairs[value] = ("counted", key.pairs[value][1])

    def count(self, name: int, state: str) -> int:
        return sum(held == state for held, _ in self.keys[name].pairs.values())

    def row(self, name: int, value: int, ts: int, since: int, op: int) -> bool:
        key = self.touch(name, ts // BUCKET)
        now, born = key.latest, min(since // BUCKET, key.latest)
        held = key.pairs.get(value)
        if held is None and op != 3:
            self.birth += 1
            self.births[name, value] = self.birth
        if op == 1:
            if held:
                key.pairs[value] = (held[0], now)
                return False
            key.pairs[value] = ("waiting" if self.grace else "counted", now)
            if self.grace:
                self.queue.append((ts + self.grace, name, value, self.birth))
            return not self.grace
        if op == 2:
            key.pairs[value] = ("met", held[1] if held else now)
            return False
        if held:
            key.pairs[value] = ("counted" if held[0] == "waiting" else held[0], held[1])
            return held[0] == "waiting"
        if not 0 <= now - born < 8:
            return False
        self.birth += 1
        self.births[name, value] = self.birth
        key.pairs[value] = ("counted", born)
        return True

    def found(self, name: int) -> bool:
        key, counted = self.keys[name], self.count(name, "counted")
        if counted < self.threshold or counted < self.share * (counted + self.count(name, "met")):
            return False
        if 0 <= key.latest - key.reported < 8 and counted < 4 * key.reported_count:
            return False
        key.reported, key.reported_count = key.latest, counted
        return True


ROWS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 9),
        st.sampled_from([0, 0, 1, 2, 5, 20, 90, -1, -15, -300]),
        st.sampled_from([0, 0, 4, 40, 200]),
        st.sampled_from([0, 1, 1, 1, 2, 3]),
    ),
    max_size=120,
)


def columns(rows: list[tuple[int, int, int, int, int]]) -> tuple[np.ndarray, ...]:
    data = np.array(rows, np.int64).reshape(-1, 5)
    ts = START + np.cumsum(data[:, 2]) * SECOND
    return (
        data[:, 0].astype(np.uint64),
        data[:, 1].astype(np.uint64),
        ts,
        ts - data[:, 3] * SECOND,
        data[:, 4].astype(np.int8),
    )


@settings(max_examples=150, deadline=None)
@given(ROWS)
def test_counts_like_the_reference(rows: list[tuple[int, int, int, int, int]]) -> None:
    """Distinct values per key and window, row by row, for any jump of the clock."""
    keys, values, ts, _, _ = columns(rows)
    slow = Slow()
    want = [
        slow.count(k, "counted") if slow.row(k, v, t, t, 1) else 0
        for k, v, t in zip(keys.tolist(), values.tolist(), ts.tolist(), strict=True)
    ]
    assert DistinctWindow(WINDOW, 8, 12).count(keys, values, ts).tolist() == want


@settings(max_examples=200, deadline=None)
@given(ROWS, st.sampled_from([0, GRACE]), st.integers(1, 4), st.sampled_from([0.0, 0.6]), st.integers(1, 17))
def test_follows_like_the_reference_whatever_the_cut(
    rows: list[tuple[int, int, int, int, int]], grace: int, threshold: int, share: float, cut: int
) -> None:
    """Attempts, answers, failures and waiting give the same findings as the reference, in one call or in many."""
    keys, values, ts, since, ops = columns(rows)
    slow, want = Slow(grace, threshold, share), []
    for i, (k, v, t, s, op) in enumerate(
        zip(keys.tolist(), values.tolist(), ts.tolist(), since.tolist(), ops.tolist(), strict=True)
    ):
        if op:
            slow.mature(t)
            slow.row(k, v, t, s, op)
            if slow.found(k):
                want.append(
                    (
                        i,
                        slow.count(k, "counted"),
                        slow.count(k, "met"),
                        {x for x, (state, _) in slow.keys[k].pairs.items() if state == "counted"},
                    )
                )
    window, got = DistinctWindow(WINDOW, 8, 12, grace), []
    window.rule(threshold=threshold, share=share)
    for start in range(0, len(ts), cut):
        part = slice(start, start + cut)
        got += [
            (start + i, n, met, set(some))
            for i, n, met, some in window.follow(keys[part], values[part], ts[part], since[part], ops[part])
        ]
    assert got == want


def test_a_threshold_shows_once() -> None:
    """Exactly one row has the count fifty, and repeats have 0."""
    values = np.tile(np.arange(60, dtype=np.uint64), 3)
    counts = DistinctWindow(WINDOW).count(np.ones(180, np.uint64), values, START + np.arange(180) * 1000)
    assert counts.tolist() == list(range(1, 61)) + [0] * 120


def test_a_forgotten_value_counts_no_more() -> None:
    """A forgotten value is subtracted, and is not counted again within the window."""
    window, one = DistinctWindow(WINDOW), np.ones(1, np.uint64)
    ts = np.array([START], np.int64)
    window.count(one, one * 7, ts)
    window.forget(one, one * 7, ts)
    assert window.count(one, one * 7, ts).tolist() == [0]
    assert window.count(one, one * 8, ts).tolist() == [1]
    assert window.sample(1) == [8]


def test_sample_gives_the_latest_values() -> None:
    """At most 32 values, the latest first, unchanged."""
    window = DistinctWindow(WINDOW)
    values = np.arange(1, 101, dtype=np.uint64) | np.uint64(0xFFFF << 32)
    window.count(np.full(100, 5, np.uint64), values, np.full(100, START))
    assert window.sample(5) == values[::-1][:32].tolist()
    assert window.sample(6) == []


def test_a_flood_of_made_up_keys_spares_the_one_that_counts() -> None:
    """With ten times more keys and pairs than the tables hold, a slow scan among them is counted nearly in full, and
    the tables do not grow.
    """
    window, noise = DistinctWindow(WINDOW, 10, 13), np.random.default_rng(7)
    n = 80_000
    keys, values = noise.integers(1 << 40, 1 << 63, n, dtype=np.uint64), noise.integers(0, 1 << 40, n, dtype=np.uint64)
    keys[::800], values[::800] = 42, np.arange(100)
    window.count(keys[:4000], np.where(keys[:4000] == 42, values[:4000], 1), np.full(4000, START))
    counts = window.count(keys, values, START + np.arange(n) * 500_000)
    assert counts[keys == 42].max() >= 95
    assert window.evicted_keys > 10_000
    assert window.evicted_pairs > 10_000


def test_a_full_queue_leaves_the_longest_waiting_uncounted() -> None:
    """The queue of waiting pairs is bounded, and overflows are counted."""
    window = DistinctWindow(WINDOW, 8, 12, GRACE, 4)
    window.rule(threshold=5)
    n = 40
    columns_ = (
        np.ones(n, np.uint64),
        np.arange(n, dtype=np.uint64),
        np.full(n, START),
        np.full(n, START),
        np.ones(n, np.int8),
    )
    assert window.follow(*columns_) == []
    assert window.overrun == n - 16
    late = START + 2 * GRACE
    [(row, counted, met, some)] = window.follow(
        np.ones(1, np.uint64), np.zeros(1, np.uint64), np.array([late]), np.array([late]), np.array([2], np.int8)
    )
    assert (row, counted, met, len(some)) == (0, 16, 1, 16)


def test_the_likelihood_rule_compares_observations() -> None:
    """Ten failures alone are enough; with five answers beside them they are not."""
    for met, found in ((0, 1), (5, 0)):
        window = DistinctWindow(WINDOW)
        window.rule(threshold=50, fewest=10, gain=0.59, loss=1.6, level=4.6)
        n = met + 10
        ops = np.array([2] * met + [3] * 10, np.int8)
        ts = np.full(n, START)
        assert len(window.follow(np.ones(n, np.uint64), np.arange(n, dtype=np.uint64), ts, ts, ops)) == found


def test_columns_of_unequal_length_are_an_error() -> None:
    """Nothing is read past the end of a column."""
    one, two, ts = np.ones(1, np.uint64), np.ones(2, np.uint64), np.ones(2, np.int64)
    window = DistinctWindow(WINDOW)
    for call in (
        lambda: window.count(two, one, ts),
        lambda: window.forget(two, two, ts[:1]),
        lambda: combine(one, two),
    ):
        with pytest.raises(ValueError, match="rows"):
            call()
    with pytest.raises(ValueError, match="window"):
        DistinctWindow(10)
    with pytest.raises(ValueError, match="key_bits"):
        DistinctWindow(WINDOW, 60)
