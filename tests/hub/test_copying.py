"""Rows in the binary format of COPY: PostgreSQL and the driver read the same values; invalid ones are errors."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from sensor.hub.copying import KINDS, LISTED, SIGNATURE, TRAILER, encoded
from sensor.tables.lines import WORD
from tests.hub.hub_kit import HubServers

BEGIN = datetime(2000, 1, 1, tzinfo=UTC)
# Limits of each type, and values whose encoding differs from the usual.
VALUES: dict[str, list[Any]] = {
    "bool": [True, False, True, True],
    "int2": [0, -1, 32_767, -32_768],
    "int4": [1, -1, (1 << 31) - 1, -(1 << 31)],
    "int8": [256, -1, (1 << 63) - 1, -(1 << 63)],
    "float4": [0.0, -1.5, 0.25, math.inf],
    "text": ["", "printer", "Dürer ", "\U0001f5a8" * 3000],
    "bytea": [b"", b"\0\xff", b"x" * 70_000, b"\n"],
    "text[]": [[], ["a"], ["", "ü", '"quoted", {}'], ["x"] * 64],
    "timestamptz": [BEGIN, BEGIN - timedelta(microseconds=1), datetime(2116, 2, 20, 23, 53, 38, 427387, tzinfo=UTC),
                    datetime(2026, 11, 30, 1, tzinfo=timezone(timedelta(hours=2)))],
}  # fmt: skip


def test_postgresql_reads_every_type(servers: HubServers) -> None:
    """One column for each type, one row for each value."""
    assert {*VALUES, "word", "words"} == set(KINDS)
    rows = list(zip(*VALUES.values(), strict=True))
    with servers.base() as base, base.transaction():
        base.execute("CREATE TEMPORARY TABLE copied (" + ", ".join(f'"{kind}" {kind}' for kind in VALUES) + ")")  # type: ignore[arg-type]
        with base.cursor().copy("COPY copied FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(encoded(rows, list(VALUES)))
        assert base.execute("SELECT * FROM copied").fetchall() == rows


def decoded_time(time: datetime) -> int:
    """Microseconds since 2000 in the encoding of a time."""
    return int.from_bytes(encoded([(time,)], ["timestamptz"])[len(SIGNATURE) + 6 : -2], "big", signed=True)


def test_times_in_utc_are_those_of_the_calendar() -> None:
    """Each month of 2,000 years, its last and first days: leap years, centuries, the first year."""
    for year in (*range(1, 2100), 2400, 9999):
        for month in range(1, 13):
            begin = datetime(year, month, 1, tzinfo=UTC)
            for time in begin, begin + timedelta(days=28) - timedelta(microseconds=1):
                assert decoded_time(time) == (time - BEGIN) // timedelta(microseconds=1)
    leap = datetime(2024, 2, 29, 12, tzinfo=UTC)
    assert decoded_time(leap) == (leap - BEGIN) // timedelta(microseconds=1)


@pytest.mark.parametrize("text", ["", "a" * WORD, "ü" * WORD, "\U0001f5a8" * WORD])
def test_words_are_cut_at_their_limit(text: str) -> None:
    """In characters, not bytes; lists also in their length."""
    assert encoded([(text + "b",)], ["word"]) == encoded([((text + "b")[:WORD],)], ["text"])
    several = [text, text + "b"] * LISTED
    limited = [value[:WORD] for value in several[:LISTED]]
    assert encoded([(several,)], ["words"]) == encoded([(limited,)], ["text[]"])
    assert encoded([([],)], ["words"]) == encoded([([],)], ["text[]"])


def test_no_row_is_a_complete_copy() -> None:
    assert encoded([], ["text"]) == SIGNATURE + TRAILER


@pytest.mark.parametrize(
    ("value", "kind", "error"),
    [
        (None, "text", TypeError), (b"x", "text", TypeError), ("x", "bytea", TypeError), (None, "bytea", TypeError),
        (None, "text[]", TypeError), (["x", None], "text[]", TypeError), (1 << 63, "int8", OverflowError),
        ("\ud800", "text", UnicodeEncodeError), ("now", "timestamptz", TypeError), ("1", "int8", TypeError),
        (1 << 31, "int4", OverflowError), (-32_769, "int2", OverflowError),
        (None, "word", TypeError), (["x", None], "words", TypeError), ("\ud800", "word", UnicodeEncodeError),
    ],
)  # fmt: skip
def test_a_value_that_its_column_cannot_have(value: object, kind: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        encoded([(value,)], [kind])


@pytest.mark.parametrize("row", [(), (1,), (1, 2, 3)])
def test_a_row_with_another_number_of_values(row: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="row"):
        encoded([row], ["int8", "int8"])
