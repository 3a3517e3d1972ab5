"""Output of ``sensor hub hunt``. Texts of sensors are cleaned first."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from sensor.cli._show import put, tidy
from sensor.cli._table import table, use_all_columns

if TYPE_CHECKING:
    from sensor.hub.hunting import HuntResult
    from sensor.records.query_process import Answer

SENSORS = ("sensor", "answer", "rows", "coverage")
ANSWERS = {
    "answered": "answered",
    "query": "refused the query",
    "no_records": "unknown: it has no records",
    "failed": "unknown: it failed",
    "not_signed": "unknown: it rejected the signature",
    "other_sensor": "unknown: signed for another sensor",
    "expired": "unknown: the signature expired",
    "replayed": "unknown: it rejected a replayed query",
    "unreadable": "unknown: its answer is invalid",
    "not_listening": "unknown: hunts are not enabled on it",
    "no_answer": "unknown: no answer within the time limit",
}
REASON_LIMIT = 300


def put_rows(outcomes: Sequence[HuntResult], *, as_json: bool) -> None:
    """One JSON line per row; or one table per set of columns, which may differ between versions of sensors."""
    if as_json:
        for one in outcomes:
            for row in one.found.rows:
                values = dict(zip(one.found.columns, row, strict=True))
                put(msgspec.json.encode({"sensor": one.sensor, "site": one.site, "row": values}).decode())
        return
    use_all_columns(True)  # all columns were requested
    for columns in dict.fromkeys(tuple(one.found.columns) for one in outcomes if one.found.rows):
        some = [one for one in outcomes if tuple(one.found.columns) == columns]
        rows = [(_place(one), *map(tidy, row)) for one in some for row in one.found.rows]
        put(table(("sensor", *map(tidy, columns)), rows, sys.stdout))
        put("")


def put_combined(answer: Answer, *, as_json: bool) -> None:
    """The same for combined results."""
    if as_json:
        for row in answer.rows:
            put(msgspec.json.encode({"row": dict(zip(answer.columns, row, strict=True))}).decode())
    elif answer.rows:
        use_all_columns(True)
        rows = [[tidy(value) for value in row] for row in answer.rows]
        put(table([*map(tidy, answer.columns)], rows, sys.stdout))
        put("")


def put_sensors(outcomes: Sequence[HuntResult], *, as_json: bool) -> None:
    """One line per sensor: the result of the query, and the coverage of its records."""
    if not as_json:
        put(table(SENSORS, [_cells(one) for one in outcomes], sys.stdout))
        return
    for one in outcomes:
        seen = {"rows": len(one.found.rows), "more": one.found.more, "whole": one.found.whole}
        state = {"sensor": one.sensor, "site": one.site, "state": one.state, "reason": one.reason}
        put(msgspec.json.encode({**state, **seen, "coverage": one.found.coverage}).decode())


def same_columns(outcomes: Sequence[HuntResult]) -> list[HuntResult]:
    """Outcomes with rows and the same columns as the first."""
    some = [one for one in outcomes if one.found.rows]
    return [one for one in some if one.found.columns == some[0].found.columns]


def _cells(one: HuntResult) -> tuple[str, ...]:
    """The cells of a sensor. Without an answer its number of rows is unknown, not 0."""
    rows = f"{len(one.found.rows):,}{' of more' if one.found.more else ''}" if one.state == "answered" else "unknown"
    seen = "; ".join(line.removeprefix("coverage: ") for line in one.found.coverage)
    return (_place(one), ANSWERS[one.state], rows, tidy(one.reason or seen, REASON_LIMIT))


def _place(one: HuntResult) -> str:
    return tidy(f"{one.site}/{one.sensor}")
