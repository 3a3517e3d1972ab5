"""Counting one by one: windows slide, keys and values are bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sensor.core.time_units import SECOND
from sensor.counting.tally import PARTS, Counts, Distinct


def test_counts_slide() -> None:
    """Events outside the window do not count; a key never seen has none."""
    counts: Counts[str] = Counts(8 * SECOND)
    assert [counts.add("a", at * SECOND) for at in (0, 1, 2, 7)] == [1, 2, 3, 4]
    assert counts.add("a", 9 * SECOND) == 3
    assert counts.add("b", 9 * SECOND) == 1
    assert counts.add("a", 100 * SECOND, 5) == 5


def test_counts_survive_a_clock_set_back() -> None:
    """A late packet counts; after a clock set back, counting restarts."""
    counts: Counts[str] = Counts(8 * SECOND)
    assert counts.add("a", 100 * SECOND) == 1
    assert counts.add("a", 98 * SECOND) == 2
    assert counts.add("a", 5 * SECOND) == 1


@given(st.lists(st.integers(0, 100), min_size=1, max_size=60))
def test_counts_are_those_of_a_list(times: list[int]) -> None:
    """A count is at most that of the window, and at least that of the window without its oldest part."""
    counts: Counts[int] = Counts(PARTS * SECOND)
    times.sort()
    expected = [sum(at - PARTS < one <= at for one in times[: number + 1]) for number, at in enumerate(times)]
    assert [counts.add(0, at * SECOND) for at in times] == expected


def test_distinct_values_leave_the_window() -> None:
    """Each value counts once, until the window has passed."""
    seen: Distinct[str, int] = Distinct(10 * SECOND)
    assert [seen.add("a", value, at * SECOND) for at, value in ((0, 1), (1, 2), (2, 1), (3, 3))] == [1, 2, 2, 3]
    assert seen.add("a", 4, 12 * SECOND) == 3  # 2 has left; 1 was seen again at 2 s
    assert seen.values("a") == [1, 3, 4]


def test_both_are_bounded() -> None:
    """The least recently seen key or value is evicted."""
    counts: Counts[int] = Counts(SECOND, keys=2)
    seen: Distinct[int, int] = Distinct(SECOND, keys=2, values=3)
    for key in range(5):
        counts.add(key, 0)
        for value in range(9):
            assert seen.add(key, value, 0) <= 3
    assert counts.add(0, 0) == 1
    assert counts.add(4, 0) == 2
    assert seen.values(0) == []


def test_keys_whose_window_is_over_are_removed() -> None:
    """A table shrinks to the traffic of one window; a key that was forgotten counts as one never seen."""
    counts: Counts[int] = Counts(8 * SECOND)
    seen: Distinct[int, int] = Distinct(8 * SECOND)
    for key in range(100):
        counts.add(key, 0)
        seen.add(key, 1, 0)
    for key in range(100, 160):
        counts.add(key, 20 * SECOND)
        seen.add(key, 1, 20 * SECOND)
    assert (len(counts), len(seen), counts.evicted, seen.evicted) == (60, 60, 0, 0)
    assert (counts.add(7, 20 * SECOND), seen.add(7, 2, 20 * SECOND)) == (1, 1)


def test_keys_within_their_window_stay() -> None:
    """New keys replace none that still count, nor any after the clock was set back."""
    counts: Counts[int] = Counts(8 * SECOND)
    seen: Distinct[int, int] = Distinct(8 * SECOND)
    for key in range(100):
        counts.add(key, 100 * SECOND)
        seen.add(key, key, 100 * SECOND)
    for key in range(100, 200):
        counts.add(key, (104 if key % 2 else 5) * SECOND)
        seen.add(key, key, (104 if key % 2 else 5) * SECOND)
    assert (len(counts), len(seen)) == (200, 200)
