"""Hunts: the library, and queries in SQL or KQL over the traffic records. The query is in the URL, so that it can be
saved and shared; an SQL query can be run on a schedule.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from starlette.responses import RedirectResponse, Response

from sensor.console.cells import csv_cell
from sensor.console.hunt_chart import Chart, chart_of
from sensor.console.hunt_files import FIELDS, PARTIES
from sensor.console.hunting import COUNTED, built_in, known, records, run_all
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.core.severities import SEVERITIES
from sensor.records import kql
from sensor.records.coverage import coverage, sentences
from sensor.records.hunts_library import Hunt
from sensor.records.paths import records_folder
from sensor.records.query import NoRecords, QueryError
from sensor.records.query_process import Answer
from sensor.records.readable import manifest_of
from sensor.records.schema import TABLES
from sensor.views.errors import Malformed, NotReadable, Unknown, one_of

SQL, KQL = "sql", "kql"
ROWS, FILE_ROWS, LONGEST = 500, 100_000, 20_000
# Parameters of a result other than the dataset: links to the same rows keep them.
PARAMETERS = ("name", "sql", "language", "since", "until")


class Result(NamedTuple):
    """``answer``: None if there is an ``error``; ``seen``: traffic that the records do not contain; ``chart``: None if
    the rows have no numbers.
    """

    answer: Answer | None
    seen: Sequence[str]
    error: str
    chart: Chart | None = None


def page(request: PageRequest) -> Response:
    name, sql, language = request.first("name"), request.first("sql").strip(), _language(request)
    chosen = _chosen(request)
    sql = sql or (chosen.sql if chosen is not None else "")
    result = _result(request, sql, ROWS) if sql else None
    return render(
        request, "hunt.jinja", chosen.title if chosen is not None else "Hunt", hunts=built_in(), name=name,
        chosen=chosen, sql=sql, result=result, tables=TABLES, rows=ROWS, language_of=language, kql=kql.installed(),
        scheduled=request.console.hunts.all(), own=request.console.hunts.names(), severities_of=SEVERITIES,
        missing=_missing(request), same={key: request.first(key) or None for key in PARAMETERS},
    )  # fmt: skip


def _missing(request: PageRequest) -> str:
    """Why the dataset has no traffic records; empty if it has."""
    try:
        manifest_of(records_folder(request.dataset.log)).close()
    except NoRecords as error:
        return str(error)
    return ""


def all_page(request: PageRequest) -> Response:
    """The number of rows of each hunt. Those for which there was no time are another page."""
    hunts, after = known(request), request.first("after")
    one_of("after", [after] if after else [], hunts)
    names = sorted(hunts)
    chosen = names[names.index(after) + 1 :] if after else names
    found = run_all(request, {name: hunts[name] for name in chosen})
    ranked = sorted(found.counts, key=lambda one: (one.rows is None, -(one.rows or 0)))
    return render(request, "hunt_all.jinja", "All hunts", hunts=hunts, found=found, ranked=ranked, most=COUNTED)


def act(request: PageRequest) -> Response:
    """Run a query on a schedule, or remove a scheduled hunt."""
    action, name = request.field("action"), request.field("name").strip()
    one_of("action", [action], ("schedule", "remove"))
    request.console.audit.add(request.who.name, f"hunt {action}", peer=request.peer, text=name)
    if action == "remove":
        request.console.hunts.remove(name)
    else:
        given = {key: request.field(key) for key in (*FIELDS, *PARTIES)}
        request.console.hunts.save(name, request.text("sql").strip(), given)
    return RedirectResponse(request.url("/hunt") + "#scheduled", 303)


def csv_page(request: PageRequest) -> Response:
    """The rows of a query as CSV (RFC 4180); no cell is evaluated as a formula."""
    answer, out = _whole(request), io.StringIO()
    writer = csv.writer(out)
    writer.writerow([csv_cell(name) for name in answer.columns])
    writer.writerows([csv_cell(value) for value in row] for row in answer.rows)
    return _file(out.getvalue(), "text/csv; charset=utf-8", "hunt.csv")


def lines_page(request: PageRequest) -> Response:
    """The rows of a query as JSON lines."""
    answer = _whole(request)
    rows = (dict(zip(answer.columns, row, strict=True)) for row in answer.rows)
    return _file(msgspec.json.Encoder().encode_lines(rows), "application/x-ndjson", "hunt.jsonl")


def _whole(request: PageRequest) -> Answer:
    """Raises Malformed without a query, or for one that fails."""
    chosen = _chosen(request)
    result = _result(request, request.first("sql").strip() or (chosen.sql if chosen is not None else ""), FILE_ROWS)
    if result.answer is None:
        raise Malformed("sql", "a query that fails", result.error)
    return result.answer


def _file(content: str | bytes, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _chosen(request: PageRequest) -> Hunt | None:
    name = request.first("name")
    if not name:
        return None
    hunts = known(request)
    if name not in hunts:
        raise Unknown("name", name, hunts)
    return hunts[name]


def _language(request: PageRequest) -> str:
    """The language of the query: SQL unless the URL has another one. Raises Unknown; NotReadable without the extra."""
    language = request.first("language") or SQL
    one_of("language", [language], (SQL, KQL))
    if language == KQL and not kql.installed():
        raise NotReadable(kql.MISSING)
    return language


def _result(request: PageRequest, sql: str, most: int) -> Result:
    language = _language(request)
    if len(sql) > LONGEST:
        raise Malformed("sql", f"{len(sql):,} characters", f"at most {LONGEST:,}")
    with records(request) as there:
        try:
            answer = there.query.run(kql.translated(sql, there.query) if language == KQL else sql, most=most)
            chart = chart_of(answer.columns, answer.types, answer.rows)
            return Result(answer, [*there.missing, *sentences(coverage(there.query))], "", chart)
        except (QueryError, kql.KqlError) as error:
            return Result(None, [], str(error))
