"""Events per key compared with a slow reference, and when a rate is reported."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.core.time_units import SECOND
from sensor.counting.rates import RateWindow

WINDOW = 80 * SECOND
BUCKET = 10 * SECOND
START = 1_700_000_000 * SECOND

ROWS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 0, 1, 2, 5, 20, 90, -1, -15, -300])), max_size=120)


@settings(max_examples=100, deadline=None)
@given(ROWS, st.integers(1, 17))
def test_rates_like_the_reference_whatever_the_cut(rows: list[tuple[int, int]], cut: int) -> None:
    """Events per key in the window, row by row."""
    keys = np.array([key for key, _ in rows], np.uint64)
    ts = START + np.cumsum(np.array([step for _, step in rows], np.int64)) * SECOND
    slow: dict[int, tuple[int, list[int]]] = {}
    want = []
    for k, t in zip(keys.tolist(), ts.tolist(), strict=True):
        latest, seen = slow.get(k, (t // BUCKET, []))
        now = t // BUCKET
        if now <= latest - 8:
            latest, seen = now, []
        latest = max(latest, now)
        seen = [b for b in seen if latest - b < 8] + [latest]
        slow[k] = (latest, seen)
        want.append(len(seen))
    window = RateWindow(WINDOW, 8)
    got = [
        n
        for start in range(0, len(ts), cut)
        for n in window.count(keys[start : start + cut], ts[start : start + cut]).tolist()
    ]
    assert got == want


def test_a_rate_needs_many_sources_and_is_reported_once() -> None:
    """A thousand events of one source are no finding, of many sources exactly one; answers are subtracted."""
    n = 1000
    keys, ts, steps = np.ones(n, np.uint64), START + np.arange(n) * 1000, np.ones(n, np.int8)
    assert RateWindow(WINDOW).follow(keys, keys, ts, steps, 500, 30) == []
    [(row, events, marks)] = RateWindow(WINDOW).follow(keys, np.arange(n, dtype=np.uint64), ts, steps, 500, 30)
    assert (row, events) == (499, 500)
    assert marks >= 60
    steps[1::2] = -1
    assert RateWindow(WINDOW).follow(keys, np.arange(n, dtype=np.uint64), ts, steps, 500, 30) == []


def test_columns_of_unequal_length_are_an_error() -> None:
    """Nothing is read past the end of a column, and invalid sizes are rejected."""
    one, two, ts, steps = np.ones(1, np.uint64), np.ones(2, np.uint64), np.ones(2, np.int64), np.ones(2, np.int8)
    window = RateWindow(WINDOW)
    for call in (
        lambda: window.count(one, ts),
        lambda: window.follow(two, one, ts, steps, 1, 1),
        lambda: window.above(two, two, ts, steps, steps[:1], 1, 1),
    ):
        with pytest.raises(ValueError, match="rows"):
            call()
    with pytest.raises(ValueError, match="key_bits"):
        RateWindow(WINDOW, 60)
