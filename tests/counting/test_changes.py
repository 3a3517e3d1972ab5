"""The changes of a batch during a flood: which of them detectors of scans do not see."""

from __future__ import annotations

import numpy as np
import pytest

from sensor.core.flow import CHANGE, Change
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.counting.changes import ANSWERED, FAILED, OPENED, SKIP, Changes, Floods, subjects
from sensor.counting.contacts import CONTACT


def contacts(names: str, values: list[tuple[int, ...]]) -> np.ndarray:
    """Rows of CONTACT with values in some fields."""
    rows = np.zeros(len(values), CONTACT)
    for name, column in zip(names.split(), zip(*values, strict=True), strict=True):
        rows[name] = column
    return rows


def changes(values: list[tuple[int, int]], flooded: list[bool], rows: int) -> Changes:
    """``values``: row and operation of each contact."""
    return Changes(np.arange(rows), contacts("row op", values), np.array(flooded))


def test_unanswered_flows_to_flooded_targets_are_left_out() -> None:
    """Answered flows and other targets stay, each contact with its row, and each row with its place in the batch."""
    values = [(0, OPENED), (1, ANSWERED), (2, OPENED), (3, FAILED), (5, OPENED)]
    left = changes(values, [True, True, False, True, False], rows=6).without_floods()
    assert left.rows.tolist() == [1, 2, 4, 5]
    assert left.places is not None
    assert left.places.tolist() == [1, 2, 4, 5]
    assert left.contacts[["row", "op"]].tolist() == [(0, ANSWERED), (1, OPENED), (3, OPENED)]
    assert left.flooded.tolist() == [True, False, False]


@pytest.mark.parametrize("flooded", [[False, False], [True, False]])
def test_without_unanswered_flows_to_flooded_targets_nothing_changes(flooded: list[bool]) -> None:
    whole = changes([(0, ANSWERED), (1, OPENED)], flooded, rows=2)
    assert whole.without_floods() is whole


def test_a_reading_is_computed_once() -> None:
    calls = []

    def reading(those: Changes) -> int:
        calls.append(those)
        return len(those)

    whole = changes([(0, ANSWERED)], [False], rows=3)
    assert [whole.once(reading), whole.once(reading)] == [3, 3]
    assert calls == [whole]


def test_each_change_that_may_belong_to_a_flood_is_queried() -> None:
    """A new flow, an answered one, one that adds to the flood; not the end of a flow, and no flow of another block."""
    floods = Floods(flows=3, marks=1)
    rows = contacts(
        "block client ts step op kind",
        [
            *((7, client, 100 * SECOND, 1, OPENED, Change.NEW) for client in range(4)),
            (7, 9, 101 * SECOND, 0, SKIP, Change.NEW),
            (7, 9, 101 * SECOND, 0, ANSWERED, Change.ANSWERED),
            (7, 9, 101 * SECOND, 0, SKIP, Change.ENDED),
            (8, 9, 101 * SECOND, 1, OPENED, Change.NEW),
        ],
    )
    assert floods.on(rows).tolist() == [False, False, True, True, True, True, False, False]


def test_subjects_of_changes() -> None:
    """An IPv6 address consists of two columns; each end has its own MAC, both share the VLAN."""
    rows = np.zeros(2, CHANGE)
    rows["client_hi"], rows["client_lo"], rows["client_mac"] = [0, 0x20010DB8 << 32], [0xFFFF0A000005, 7], [11, 12]
    rows["server_hi"], rows["server_lo"], rows["server_mac"] = [1, 0], [2**64 - 1, 3], [21, 22]
    rows["vlan"] = [30, 0]
    assert list(subjects(rows, "client")) == [
        Subject(11, 0xFFFF0A000005, 30),
        Subject(12, (0x20010DB8 << 96) + 7, 0),
    ]
    assert list(subjects(rows, "server")) == [Subject(21, 2**65 - 1, 30), Subject(22, 3, 0)]
