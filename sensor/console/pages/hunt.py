"""Hunts: the library, and SQL over the traffic records. The query is in the URL, so that it can be saved and shared."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Sequence
from typing import NamedTuple

from starlette.responses import Response

from sensor.console.cells import csv_cell
from sensor.console.page_request import PageRequest
from sensor.console.querying import querying
from sensor.console.render import render
from sensor.records.coverage import coverage, sentences
from sensor.records.hunts_library import Hunt, hunt, library
from sensor.records.query import QueryError
from sensor.records.query_process import Answer
from sensor.records.schema import TABLES
from sensor.views.errors import Malformed, Unknown

ROWS, CSV_ROWS, LONGEST = 500, 100_000, 20_000


class Result(NamedTuple):
    """``answer``: None if there is an ``error``; ``seen``: traffic that the records do not contain."""

    answer: Answer | None
    seen: Sequence[str]
    error: str


@functools.cache
def hunts() -> dict[str, Hunt]:
    """The hunts of the library."""
    return {name: hunt(path) for name, path in library().items()}


def page(request: PageRequest) -> Response:
    name, sql = request.first("name"), request.first("sql").strip()
    chosen = _chosen(name)
    sql = sql or (chosen.sql if chosen is not None else "")
    result = _result(request, sql, ROWS) if sql else None
    return render(
        request, "hunt.jinja", chosen.title if chosen is not None else "Hunt", hunts=hunts(), name=name, chosen=chosen,
        sql=sql, result=result, tables=TABLES,
        rows=ROWS,
    )  # fmt: skip


def csv_page(request: PageRequest) -> Response:
    """The rows of a query as CSV (RFC 4180); no cell is evaluated as a formula."""
    chosen = _chosen(request.first("name"))
    result = _result(request, request.first("sql").strip() or (chosen.sql if chosen is not None else ""), CSV_ROWS)
    if result.answer is None:
        raise Malformed("sql", "a query that fails", result.error)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([csv_cell(name) for name in result.answer.columns])
    writer.writerows([csv_cell(value) for value in row] for row in result.answer.rows)
    return Response(
        out.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="hunt.csv"'},
    )


def _chosen(name: str) -> Hunt | None:
    if name and name not in hunts():
        raise Unknown("name", name, hunts())
    return hunts().get(name)


def _result(request: PageRequest, sql: str, most: int) -> Result:
    if len(sql) > LONGEST:
        raise Malformed("sql", f"{len(sql):,} characters", f"at most {LONGEST:,}")
    with querying(request.dataset) as there:
        try:
            answer = there.query.run(sql, most=most)
            return Result(answer, [*there.missing, *sentences(coverage(there.query))], "")
        except QueryError as error:
            return Result(None, [], str(error))
