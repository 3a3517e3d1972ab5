"""Times as users write them, for commands and pages alike."""

from __future__ import annotations

import pytest

from sensor.cli._times import moment_of as text_of
from sensor.console.moments import moment_of as of_url
from sensor.core.moments import moment_of, span_of
from sensor.core.time_units import SECOND
from sensor.views.errors import Malformed

NOW = 1_764_000_000 * SECOND


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("90s", NOW - 90 * SECOND),
        ("2w", NOW - 14 * 86_400 * SECOND),
        ("2025-11-24", 1_763_942_400 * SECOND),
        ("2025-11-24T16:00", NOW),
        ("2025-11-24T18:00:00.000001+02:00", NOW + 1000),
        ("1969-12-31T23:59:59.5Z", -SECOND // 2),
    ],
)
def test_spans_and_times(text: str, ns: int) -> None:
    """Commands and pages parse them alike."""
    assert moment_of(text, NOW) == of_url("since", text, NOW) == ns
    assert moment_of(text_of(text, NOW / SECOND), 0) == ns


@pytest.mark.parametrize("text", ["", "7", "d", "-7d", "7D", "٧d", "1000000s", "999999w", "yesterday", "2025-13-01"])
def test_neither_a_span_nor_a_time(text: str) -> None:
    with pytest.raises(ValueError):
        moment_of(text, NOW)
    assert text_of(text, NOW / SECOND) == ""
    with pytest.raises(Malformed):
        of_url("since", text, NOW)


def test_the_year_one() -> None:
    """The earliest time of a record has four digits of its year, so that texts sort as times."""
    assert text_of("0001-01-01", NOW / SECOND) == "0001-01-01T00:00:00.000000Z"
    assert span_of("1d") == 86_400 * SECOND
