"""Bounded maps: the same as a plain model after any operations, whatever their size, and small without entries."""

from __future__ import annotations

import random
import tracemalloc
from collections import OrderedDict

import pytest

from sensor.core.bounded import Bounded, Recent


class Model:
    """A bounded map of ``size`` entries, without regard to memory."""

    def __init__(self, size: int) -> None:
        self.size, self.evicted = size, 0
        self.entries: OrderedDict[int, int] = OrderedDict()

    def put(self, key: int, value: int) -> tuple[int, int] | None:
        self.entries[key] = value
        self.entries.move_to_end(key)
        if len(self.entries) <= self.size:
            return None
        self.evicted += 1
        return self.entries.popitem(last=False)

    def get(self, key: int) -> int | None:
        if key in self.entries:
            self.entries.move_to_end(key)
        return self.entries.get(key)


@pytest.mark.parametrize("size", [1, 2, 3, 8, 256, 257, 1000])
def test_it_equals_a_model(size: int) -> None:
    """Entries that are stored, stored again, used, removed and all cleared: results, order and evictions are equal."""
    source = random.Random(size)
    mine, model = Bounded[int, int](size), Model(size)
    for turn in range(4_000):
        key = source.randrange(size + 2 if turn % 1_000 < 500 else 4 * size)
        match source.choice(("put",) * 12 + ("get",) * 4 + ("pop", "oldest", "clear")):
            case "put":
                assert mine.put(key, turn) == model.put(key, turn)
            case "get":
                assert mine.get(key) == model.get(key)
            case "oldest":
                assert mine.oldest() == next(iter(model.entries.items()), None)
            case "pop":
                assert mine.pop(key) == model.entries.pop(key, None)
            case "clear" if not source.randrange(100):
                mine.clear()
                model.entries.clear()
        if turn % 10 == 0:
            assert list(mine.items()) == list(model.entries.items())
            assert (list(mine), list(mine.values())) == (list(model.entries), list(model.entries.values()))
        assert (len(mine), mine.evicted) == (len(model.entries), model.evicted)
        assert (key in mine) == (key in model.entries)


def test_a_key_without_a_hash_is_refused_at_once() -> None:
    """Not only when a second entry comes."""
    empty: Bounded[object, int] = Bounded(4)
    with pytest.raises(TypeError):
        empty.put([], 1)
    assert len(empty) == 0


def test_a_single_entry_takes_no_dict() -> None:
    """Most maps of a peer's values have one entry: it takes a third of a map of two."""

    def taken(entries: int) -> float:
        tracemalloc.start()
        maps = [Bounded[int, bool](64) for _ in range(1_000)]
        for number in range(entries):
            for each in maps:
                each.put(number, True)
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return size / len(maps)

    assert taken(0) == taken(1) < 140
    assert 2 * taken(1) < taken(2)


def test_recent_keys_whose_window_is_over_are_removed() -> None:
    """A table shrinks to the keys of one window, and keeps those that still count."""
    seen: Recent[int] = Recent(1_000, 10)
    assert all(seen.fresh(key, 0) for key in range(100))
    assert all(seen.fresh(key, 8) for key in range(100, 110))
    assert not any(seen.fresh(key, 9) for key in range(110))
    assert all(seen.fresh(key, 12) for key in range(110, 160))
    assert (len(seen), seen.evicted) == (60, 0)
    assert not any(seen.fresh(key, 13) for key in range(100, 160))
    assert all(seen.fresh(key, 13) for key in range(50))
