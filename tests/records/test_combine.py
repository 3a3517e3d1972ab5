"""Rows of several sensors in one query: types that sensors name, columns with the same name, and missing values."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.records.combine import Columns, combined
from sensor.records.confined import QueryError

pytestmark = pytest.mark.usefixtures("queries_within")

FLOWS = Columns(["sensor", "ts", "port", "names"], ["VARCHAR", "TIMESTAMP", "BIGINT", "VARCHAR[]"])
ROWS = [
    ["berlin", "2026-11-24T08:00:00", 445, ["a", "b"]],
    ["paris", "2026-11-24T09:00:00", 445, []],
    ["paris", None, None, None],
]


def test_sums_over_sensors() -> None:
    """Times, lists and unknown values keep their types."""
    sql = "SELECT port, count(DISTINCT sensor), sum(len(names)), max(ts) - min(ts) > INTERVAL 59 MINUTE FROM found"
    answer = combined(FLOWS, ROWS, f"{sql} GROUP BY 1 ORDER BY 1", 10)
    assert answer.rows == [[445, 2, 2, True], [None, 1, None, None]]
    assert combined(FLOWS, ROWS, "FROM found", 2).more


def test_columns_of_the_same_name() -> None:
    """DuckDB ignores case in names."""
    columns = Columns(["sensor", "Sensor", "a", "a", "a_2", ""], ["BIGINT"] * 6)
    answer = combined(columns, [[1, 2, 3, 4, 5, 6]], "FROM found", 1)
    assert answer.columns == ["sensor", "Sensor_2", "a", "a_2", "a_2_2", "column"]
    assert answer.rows == [[1, 2, 3, 4, 5, 6]]


@pytest.mark.parametrize("kind", ["BIGINT); COPY (SELECT 1) TO '{}'; --", "ENUM('a')", "bigint", ""])
def test_a_type_that_is_none_is_a_text(tmp_path: Path, kind: str) -> None:
    """A sensor cannot inject statements."""
    target = tmp_path / "written"
    answer = combined(Columns(["a"], [kind.format(target)]), [["x"]], "SELECT a FROM found", 1)
    assert (answer.types, answer.rows) == (["VARCHAR"], [["x"]])
    assert not target.exists()


@pytest.mark.parametrize(
    ("rows", "sql"),
    [
        ([["x"]], "FROM found"),
        ([[1]], "SELECT b FROM found"),
        ([[1]], "DROP TABLE found"),
        ([[1]], "SELECT * FROM read_text('/etc/passwd')"),
    ],
)
def test_what_is_refused(rows: list[list[object]], sql: str) -> None:
    """A value of another type than its sensor named, and an invalid query are rejected."""
    with pytest.raises(QueryError):
        combined(Columns(["a"], ["BIGINT"]), rows, sql, 10)
