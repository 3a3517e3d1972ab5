"""Rounds: regular and irregular contacts, memory, bounds, and batches against single contacts."""

from __future__ import annotations

import random

import numpy as np
import pytest

from sensor.core.time_units import HOUR, SECOND
from sensor.counting.rounds import Rounds


def followed(rounds: Rounds, *contacts: tuple[int, float]) -> list[tuple[float, int]]:
    """The age in seconds and the rounds of each contact: (pair, seconds)."""
    keys, times = zip(*contacts, strict=True)
    ages, numbers = rounds.follow(np.array(keys, np.uint64), np.array([int(at * SECOND) for at in times], np.int64))
    return [(age / SECOND, number) for age, number in zip(ages.tolist(), numbers.tolist(), strict=True)]


def numbers(*times: float) -> list[int]:
    return [number for _, number in followed(Rounds(HOUR, 4), *((8, at) for at in times))]


def test_regular_contacts_are_counted() -> None:
    """Each contact a minute after the last one is a further round, also if it is some seconds late."""
    assert numbers(0, 60, 121, 180, 240) == [1, 2, 3, 4, 5]


def test_another_interval_starts_again() -> None:
    """An interval that differs by more than a quarter is the first of another series."""
    assert numbers(0, 60, 140, 220) == [1, 2, 2, 3]
    assert numbers(0, 60, 74, 134) == [1, 2, 2, 2]


def test_contacts_in_a_row_are_one_round() -> None:
    """Contacts less than four seconds apart are one round, however long they go on; its interval is that of the
    starts.
    """
    assert numbers(*range(0, 60, 3)) == [1] + [0] * 19
    assert numbers(0, 1, 2, 60, 61, 120) == [1, 0, 0, 2, 0, 3]


def test_age_and_memory() -> None:
    """The age is the time since the first contact. A pair without contacts for the whole memory is new again."""
    rounds = Rounds(HOUR, 4)
    assert followed(rounds, (8, 0), (8, 3000), (10, 3000), (8, 6000)) == [(0, 1), (3000, 2), (0, 1), (6000, 3)]
    assert followed(rounds, (8, 9601), (8, 9700)) == [(0, 1), (99, 2)]


def test_time_that_runs_backwards() -> None:
    """A late contact belongs to the round before, and has no negative age."""
    assert followed(Rounds(HOUR, 4), (8, 100), (8, 90), (8, 160)) == [(0, 1), (0, 0), (60, 2)]


def test_batches_do_not_matter() -> None:
    """The same contacts in batches of any size give the same result."""
    draw = random.Random(7)
    contacts = [(draw.randrange(1, 60), at * 0.7) for at in range(900)]
    whole = followed(Rounds(HOUR, 5), *contacts)
    for size in (1, 13):
        rounds = Rounds(HOUR, 5)
        parts = [followed(rounds, *contacts[at : at + size]) for at in range(0, len(contacts), size)]
        assert [each for part in parts for each in part] == whole


def test_a_flood_of_pairs_takes_no_memory() -> None:
    """A table of sixteen slots takes a hundred thousand pairs and counts evictions; the pair contacted longest ago is
    evicted first.
    """
    rounds, keys = Rounds(HOUR, 4), np.arange(2, 200_002, 2, dtype=np.uint64)
    rounds.follow(keys, np.zeros(len(keys), np.int64))
    assert rounds.evicted == len(keys) - 16
    kept = Rounds(HOUR, 2)
    assert followed(kept, (2, 0), (4, 10), (6, 20), (8, 30), (2, 40), (10, 50), (2, 80), (4, 90)) == [
        *[(0, 1)] * 4, (40, 2), (0, 1), (80, 3), (0, 1),
    ]  # fmt: skip


def test_sizes_are_checked() -> None:
    """A size or a memory out of range, and columns of different lengths, are errors."""
    for memory, bits in ((HOUR, 1), (HOUR, 25), (SECOND, 4)):
        with pytest.raises(ValueError, match=str(memory)):
            Rounds(memory, bits)
    with pytest.raises(ValueError, match="2 and 1"):
        Rounds(HOUR, 4).follow(np.zeros(2, np.uint64), np.zeros(1, np.int64))
