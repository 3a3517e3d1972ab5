"""Periods: what users enter, and the resulting times once the log is known."""

from __future__ import annotations

import pytest

from sensor.report.period import is_time, period_spec
from tests.golden import Golden
from tests.report.sites import at

FIRST, LAST = "2026-10-28T08:00:00.000000Z", "2026-11-27T09:30:00.000000Z"


@pytest.mark.parametrize(
    ("given", "since", "until", "label"),
    [
        ({}, FIRST, LAST, "28 October to 27 November 2026"),
        ({"period": "7d"}, "2026-11-20T09:30:00.000000Z", LAST, "the last 7 days"),
        ({"period": "36h"}, "2026-11-25T21:30:00.000000Z", LAST, "the last 36 hours"),
        ({"period": "2026-11"}, "2026-11-01T00:00:00.000000Z", "2026-12-01T00:00:00.000000Z", "November 2026"),
        ({"period": "2025-12"}, "2025-12-01T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z", "December 2025"),
        ({"since": "2026-11-24"}, "2026-11-24T00:00:00.000000Z", LAST, "24 November to 27 November 2026"),
        (
            {"since": "2026-11-24T09:00+02:00", "until": "2026-11-24T12:00"},
            at(420),
            at(720),
            "24 November 2026, 07:00 to 12:00",
        ),
        ({"until": "2026-11-02"}, FIRST, "2026-11-02T00:00:00.000000Z", "28 October to 2 November 2026"),
        ({"since": "2027-01-01"}, LAST, LAST, "27 November 2026, 09:30 to 09:30"),
    ],
)
def test_what_people_report(given: dict[str, str], since: str, until: str, label: str) -> None:
    """Time spans count back from the last record, not from the clock; months and times are in UTC."""
    found = period_spec(**given).resolve(FIRST, LAST)
    assert (found.since, found.until, found.label) == (since, until, label)


def test_nothing_known_is_a_period_too() -> None:
    """A log without records has a period."""
    found = period_spec("7d").resolve("", "")
    assert (found.since, found.until) == ("", "")
    assert period_spec().resolve("", "").label == "no data"


@pytest.mark.parametrize(
    "given",
    [
        {"period": "soon"},
        {"period": "2026-13"},
        {"period": "0000-01"},
        {"period": "10000d"},
        {"period": "0d"},
        {"period": "7d", "since": "2026-11-01"},
        {"since": "yesterday"},
        {"since": "2026-11-24", "until": "2026-11-24"},
    ],
)
def test_what_makes_no_sense(golden: Golden, given: dict[str, str]) -> None:
    """The found and the expected value are reported."""
    with pytest.raises(ValueError) as error:
        period_spec(**given)
    golden(str(error.value))


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-11-24", "2026-13-24T09:00:00Z", "2026-11-24T09:00:00+01:00", "9026-11-24T09:00:00Z", 7, None],
)
def test_foreign_times_are_none(text: object) -> None:
    """A log may have any value."""
    assert not is_time(text)
    assert is_time("2026-11-24T09:14:07.318442Z")
