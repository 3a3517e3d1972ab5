"""Durations as text."""

from __future__ import annotations

import pytest

from sensor.core.time_units import duration_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59, "59 s"),
        (3600, "1 h"),
        (3839, "1 h 3 min"),
        (86_405, "1 d 5 s"),
        (15_060_778, "174 d 7 h"),
    ],
)
def test_the_two_largest_units_are_shown(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
