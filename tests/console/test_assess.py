"""Assessments of a growing dataset: new records wait for the next calculation, changes of operators do not."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from sensor.console import assess
from sensor.console.assess import REST_S, Assessing, Assessments
from sensor.console.sources import StateFolder
from sensor.inventory.store.database import FILE, connect
from sensor.posture.picture import Picture
from sensor.tables.position import position, put_position
from sensor.tables.tables import transaction
from sensor.views.errors import NotReadable


class Clock:
    """Each reading takes ``step`` seconds, so that a calculation has a duration."""

    def __init__(self, step: float) -> None:
        self.now, self._step = 1000.0, step

    def __call__(self) -> float:
        self.now += self._step
        return self.now


@pytest.fixture
def assessed(own: Path) -> Callable[[float], tuple[Clock, Callable[[], Picture]]]:
    """Assessments of the office whose calculation takes some seconds, and the picture that a page gets."""
    sources = StateFolder(own)

    def started(step: float) -> tuple[Clock, Callable[[], Picture]]:
        clock = Clock(step)
        assessments = Assessments(own, Assessing(), clock)

        def picture() -> Picture:
            with sources.opened(sources.dataset()) as opened, assessments.of(opened) as found:
                return found

        return clock, picture

    return started


def grow(folder: Path) -> None:
    """The tables contain one more record, as while a sensor runs."""
    with contextlib.closing(connect(folder / FILE)) as base, transaction(base):
        there = position(base)
        put_position(base, there._replace(unusable=there.unusable + 1))


def correct(folder: Path) -> None:
    """An operator sets the criticality of a device."""
    with contextlib.closing(connect(folder / FILE)) as base:
        values = (1, "anna", "mac:00:17:c8:1a:2b:3c", "criticality", "critical", "", "said")
        base.execute(
            "INSERT INTO words (ts, author, key, field, value, reason, state) VALUES (?, ?, ?, ?, ?, ?, ?)", values
        )


def test_an_unchanged_dataset_is_calculated_once(assessed) -> None:
    _, picture = assessed(100.0)
    assert picture() is picture()


def test_new_records_wait_in_proportion_to_the_duration(own: Path, assessed) -> None:
    """A calculation of 0.1 seconds rests for two seconds."""
    clock, picture = assessed(0.1)
    first = picture()
    grow(own)
    assert picture() is first
    clock.now += 3
    assert picture() is not first


def test_a_long_calculation_rests_for_a_minute_at_most(own: Path, assessed) -> None:
    clock, picture = assessed(20.0)
    first = picture()
    grow(own)
    assert picture() is first
    clock.now += REST_S
    assert picture() is not first


def test_a_change_of_an_operator_counts_at_once(own: Path, assessed) -> None:
    _, picture = assessed(1.0)
    first = picture()
    correct(own)
    second = picture()
    assert second is not first
    assert picture() is second


@pytest.mark.parametrize(("limit", "what"), [("MOST", "devices"), ("ALERTS_MOST", "alerts")])
def test_a_large_dataset_is_left_to_the_commands(
    assessed, monkeypatch: pytest.MonkeyPatch, limit: str, what: str
) -> None:
    monkeypatch.setattr(assess, limit, 5)
    _, picture = assessed(1.0)
    with pytest.raises(NotReadable, match=what):
        picture()
