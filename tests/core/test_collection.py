"""Many long-lived objects do not cost collections, and what remembers results does not keep its owner alive."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from sensor.core.collection import MANY, long_lived, remembered


@pytest.fixture
def collected() -> Iterator[list[int]]:
    """The generations that are collected."""
    found: list[int] = []

    def note(phase: str, facts: dict[str, int]) -> None:
        if phase == "start":
            found.append(facts["generation"])

    enabled, frozen = gc.isenabled(), gc.get_freeze_count()
    gc.enable()
    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)
    if not enabled:
        gc.disable()
    if frozen:
        gc.freeze()


def test_many_new_objects_join_the_oldest_generation(collected: list[int]) -> None:
    with long_lived():
        made = [[number] for number in range(2 * MANY)]
        assert collected == []
    assert made[-1] not in gc.get_objects(generation=0)
    assert any(one is made[-1] for one in gc.get_objects(generation=2))
    assert 2 not in collected


def test_a_few_new_objects_are_collected_as_usual(collected: list[int]) -> None:
    """Frozen objects stay frozen."""
    frozen = gc.get_freeze_count()
    with long_lived():
        made = [[number] for number in range(10)]
    assert any(one is made[-1] for one in gc.get_objects(generation=0))
    assert gc.get_freeze_count() == frozen
    assert collected == []


class Looking:
    """Remembers what it looked up."""

    def __init__(self) -> None:
        self.queried: list[str] = []
        self.look = remembered(self._look, 2)

    def _look(self, name: str) -> str:
        self.queried.append(name)
        return name.upper()


def test_results_are_remembered_up_to_a_limit() -> None:
    looking = Looking()
    assert [looking.look(name) for name in ("a", "a", "b", "c", "a")] == ["A", "A", "B", "C", "A"]
    assert looking.queried == ["a", "b", "c", "a"]


def test_its_owner_is_freed_without_a_collection(collected: list[int]) -> None:
    looking = Looking()
    looking.look("a")
    there = weakref.ref(looking)
    del looking
    assert there() is None
    assert collected == []
