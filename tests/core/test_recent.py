"""RecentSet: windows, bounds, and batches against single lookups."""

from __future__ import annotations

import numpy as np
import pytest

from sensor.core.recent import RecentSet


def fresh(recent: RecentSet, *pairs: tuple[int, int], window: int = 10) -> list[bool]:
    keys, times = zip(*pairs, strict=True)
    return recent.fresh(np.array(keys, np.uint64), np.array(times, np.int64), window).tolist()  # type: ignore[no-any-return]


def test_a_key_is_fresh_once_a_window() -> None:
    """The window starts at the first sighting and is not extended by repeats."""
    assert fresh(RecentSet(4), (8, 0), (8, 5), (8, 9), (8, 10), (8, 15), (10, 15)) == [
        True,
        False,
        False,
        True,
        False,
        True,
    ]


def test_time_that_runs_backwards() -> None:
    """A late sighting within the window is a repeat; one far before it is fresh."""
    assert fresh(RecentSet(4), (8, 100), (8, 95), (8, 50)) == [True, False, True]


def test_a_flood_of_keys_takes_no_memory() -> None:
    """A table of sixteen slots takes a hundred thousand keys and counts evictions."""
    recent = RecentSet(4)
    keys = np.arange(2, 200_002, 2, dtype=np.uint64)
    assert recent.fresh(keys, np.zeros(len(keys), np.int64), 10).all()
    assert recent.evicted >= len(keys) - 16


def test_sizes_are_checked() -> None:
    """A size out of range is an error."""
    with pytest.raises(ValueError, match="bits 40"):
        RecentSet(40)


def test_first_and_again() -> None:
    """A key seen again after its window differs from a new one."""
    keys, times = np.array([8, 8, 8, 10], np.uint64), np.array([0, 5, 20, 20], np.int64)
    assert RecentSet(4).look(keys, times, 10).tolist() == [RecentSet.FIRST, 0, RecentSet.AGAIN, RecentSet.FIRST]
