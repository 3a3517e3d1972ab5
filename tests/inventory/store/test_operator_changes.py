"""Changes by the operator can be undone one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.inventory.corrections import Correction
from sensor.inventory.store.database import StoreError
from sensor.inventory.store.operator_changes import NotUndone, OperatorChanges
from sensor.inventory.store.operator_values import corrections_of
from sensor.inventory.store.store import Store
from tests.golden import Golden

KEY = "mac:00:17:c8:1a:2b:3c"


@pytest.fixture
def changes(tmp_path: Path):
    store = Store(tmp_path)
    changes = OperatorChanges(tmp_path, "anna", 7)
    yield changes
    changes.close()
    store.close()


def text(changes: OperatorChanges) -> dict[str, str]:
    return {field: correction.value for field, correction in corrections_of(changes._base).get(KEY, {}).items()}


def test_the_latest_correction_counts_and_undo_restores_the_one_before(changes: OperatorChanges):
    """Corrections are undone one at a time, until none is left."""
    for value in ("anna", "bert"):
        changes.correct([Correction(KEY, "owner", value)])
    assert text(changes) == {"owner": "bert"}
    assert changes.undo(changes.latest(KEY)) == "owner=bert"
    assert text(changes) == {"owner": "anna"}
    changes.undo(changes.latest(KEY))
    assert text(changes) == {}
    assert changes.latest(KEY) == ""


def test_an_empty_value_undoes(changes: OperatorChanges):
    """An empty value removes a correction, and the removal can be undone."""
    changes.correct([Correction(KEY, "owner", "anna")])
    changes.correct([Correction(KEY, "owner", "")])
    assert text(changes) == {}
    changes.undo(changes.latest(KEY))
    assert text(changes) == {"owner": "anna"}


def test_an_order_that_waits_is_simply_not_done(changes: OperatorChanges):
    """A pending order is withdrawn; an order that was carried out is reversed by a new order."""
    changes.order("merge", KEY, "mac:other", "one")
    changes.undo("1")
    assert changes._base.execute("SELECT state FROM words").fetchall()[0][0] == "undone"
    for action, opposite in (("merge", "undo"), ("split", "merge")):
        changes.order(action, KEY, "mac:other", "one")
        number = changes.latest(KEY)
        changes._base.execute("UPDATE words SET state = 'done' WHERE number = ?", (number,))
        changes.undo(number)
        row = changes._base.execute("SELECT field, value, state FROM words ORDER BY number DESC").fetchone()
        assert tuple(row) == (opposite, "mac:other", "pending")
        changes._base.execute("UPDATE words SET state = 'failed' WHERE state = 'pending'")


@pytest.mark.parametrize("number", ["77", "m1"])
def test_nothing_to_undo(changes: OperatorChanges, number: str):
    """The error names the number of the change."""
    with pytest.raises(NotUndone, match=number):
        changes.undo(number)


def test_no_store(golden: Golden, tmp_path: Path):
    """The error reports which command to run first."""
    with pytest.raises(StoreError) as raised:
        OperatorChanges(tmp_path / "none", "anna", 7)
    golden(str(raised.value))
