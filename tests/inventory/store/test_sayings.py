"""Sayings: what is said can be taken back, one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.inventory.store.database import StoreError
from sensor.inventory.store.sayings import NotUndone, Sayings
from sensor.inventory.store.store import Store, words_of
from sensor.inventory.words import Word

KEY = "mac:00:17:c8:1a:2b:3c"


@pytest.fixture
def sayings(tmp_path: Path):
    store = Store(tmp_path)
    sayings = Sayings(tmp_path, "anna", 7)
    yield sayings
    sayings.close()
    store.close()


def text(sayings: Sayings) -> dict[str, str]:
    return {field: word.value for field, word in words_of(sayings._base).get(KEY, {}).items()}


def test_the_latest_word_counts_and_undo_brings_back_the_one_before(sayings: Sayings):
    """Word by word, back to nothing."""
    for value in ("anna", "bert"):
        sayings.say([Word(KEY, "owner", value)])
    assert text(sayings) == {"owner": "bert"}
    assert sayings.undo(sayings.latest(KEY)) == "owner=bert"
    assert text(sayings) == {"owner": "anna"}
    sayings.undo(sayings.latest(KEY))
    assert text(sayings) == {}
    assert sayings.latest(KEY) == ""


def test_an_empty_word_takes_back(sayings: Sayings):
    """And can be undone itself."""
    sayings.say([Word(KEY, "owner", "anna")])
    sayings.say([Word(KEY, "owner", "")])
    assert text(sayings) == {}
    sayings.undo(sayings.latest(KEY))
    assert text(sayings) == {"owner": "anna"}


def test_an_order_that_waits_is_simply_not_done(sayings: Sayings):
    """One that was done is ordered back."""
    sayings.order("merge", KEY, "mac:other", "one")
    sayings.undo("1")
    assert sayings._base.execute("SELECT state FROM words").fetchall()[0][0] == "undone"
    for action, opposite in (("merge", "undo"), ("split", "merge")):
        sayings.order(action, KEY, "mac:other", "one")
        number = sayings.latest(KEY)
        sayings._base.execute("UPDATE words SET state = 'done' WHERE number = ?", (number,))
        sayings.undo(number)
        row = sayings._base.execute("SELECT field, value, state FROM words ORDER BY number DESC").fetchone()
        assert tuple(row) == (opposite, "mac:other", "pending")
        sayings._base.execute("UPDATE words SET state = 'failed' WHERE state = 'pending'")


@pytest.mark.parametrize("number", ["77", "m1"])
def test_nothing_to_undo(sayings: Sayings, number: str):
    """Named by its number."""
    with pytest.raises(NotUndone, match=number):
        sayings.undo(number)


def test_no_store(tmp_path: Path):
    """What to do first."""
    with pytest.raises(StoreError, match="there is no inventory yet: run `sensor run`"):
        Sayings(tmp_path / "none", "anna", 7)
