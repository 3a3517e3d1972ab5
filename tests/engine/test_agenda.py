"""Order: rows of a batch are passed to Python as a sort of tuples would order them."""

from __future__ import annotations

import numpy as np
import pytest

from sensor.core.flow import CHANGE
from sensor.decode.kernels import TICK
from sensor.engine.agenda import Agenda

SECOND, PACKET, SIGHT, EVALUATOR = 1, 2, 4, 6


def changes_at(*rows: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    made = np.zeros(len(rows), CHANGE)
    made["row"] = rows
    return made


def tick(second: int, row: int, first: int = 0, stop: int = 0) -> tuple[int, ...]:
    return (second, row, first, stop, 0)


def test_things_come_in_packet_order_whoever_adds_them_first() -> None:
    """On one row: the second, the packet, what was seen of it, then the detectors in order of registration."""
    ticks = np.array([tick(7, 1)], TICK)
    agenda = Agenda(changes_at(0, 1, 1), ticks)
    agenda.of_changes(EVALUATOR, [0, 1, 2], "abc")
    agenda.of_changes(EVALUATOR + 1, [1], "d")
    agenda.of_changes(SIGHT, [2], "e")
    agenda.of_rows(PACKET, np.array([0, 1], np.int32), "fg")
    agenda.of_rows(SECOND, ticks["row"], [7])
    assert list(agenda.due(PACKET)) == [
        (0, True, PACKET, -1, "f"), (0, True, EVALUATOR, 0, "a"),
        (1, False, SECOND, -1, 7), (1, True, PACKET, -1, "g"), (1, True, SIGHT, 2, "e"), (1, True, EVALUATOR, 1, "b"),
        (1, True, EVALUATOR, 2, "c"),
        (1, True, EVALUATOR + 1, 1, "d"),
    ]  # fmt: skip


def test_what_age_made_comes_before_its_second_one_change_after_the_other() -> None:
    agenda = Agenda(changes_at(3, 3, 3), np.array([tick(9, 3, 0, 2)], TICK))
    agenda.of_changes(EVALUATOR, [0, 1, 2], "abc")
    agenda.of_changes(SIGHT, [1], "d")
    agenda.of_rows(SECOND, np.array([3], np.int32), [9])
    assert list(agenda.due(PACKET)) == [
        (3, False, EVALUATOR, 0, "a"), (3, False, SIGHT, 1, "d"), (3, False, EVALUATOR, 1, "b"),
        (3, False, SECOND, -1, 9),
        (3, True, EVALUATOR, 2, "c"),
    ]  # fmt: skip


def test_changes_of_the_clock_alone_are_in_order() -> None:
    """Events of the clock have the row -1, and are in order."""
    agenda = Agenda(changes_at(-1, -1), np.array([tick(1, -1, 0, 1), tick(2, -1, 1, 2)], TICK))
    agenda.of_changes(EVALUATOR, [0, 1], "ab")
    agenda.of_rows(SECOND, np.array([-1, -1], np.int32), [1, 2])
    assert [what for *_, what in agenda.due(PACKET)] == ["a", "b", 1, 2]


def test_nothing_to_do_is_nothing() -> None:
    assert list(Agenda(changes_at(), np.zeros(0, TICK)).due(PACKET)) == []


@pytest.mark.parametrize("seed", range(20))
def test_any_batch_is_sorted_as_tuples_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = 200
    rows = np.sort(rng.integers(0, 40, count))
    first, stop = sorted(rng.integers(0, count, 2).tolist())
    rows[first:stop] = rows[first]
    rows.sort()
    agenda, expected = Agenda(changes_at(*rows), np.array([tick(1, 0, first, stop)], TICK)), []
    for task in rng.permutation(range(3, 12)).tolist():
        at = np.sort(rng.choice(count, 30, replace=False)).tolist()
        agenda.of_changes(task, at, [(task, i) for i in at])
        expected += [(int(rows[i]), 0, i, task) if first <= i < stop else (int(rows[i]), task, 0, task, i) for i in at]
    packets = np.sort(rng.choice(40, 20, replace=False)).astype(np.int32)
    agenda.of_rows(PACKET, packets, packets.tolist())
    expected += [(row, PACKET, 0, PACKET) for row in packets.tolist()]
    expected.sort(key=lambda one: one[:4])
    assert [(row, task) for row, _, task, _, _ in agenda.due(PACKET)] == [(one[0], one[3]) for one in expected]
