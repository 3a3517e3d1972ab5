"""Top talkers: the pairs of hosts, hosts or services with most bytes or connections in a time range."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from starlette.responses import Response

from sensor.console.cells import csv_cell
from sensor.console.hunt_chart import LABEL, Chart, chart_of, number_text
from sensor.console.lookups import DEVICE, connections_of
from sensor.console.page_request import PageRequest
from sensor.console.querying import querying
from sensor.console.render import render
from sensor.records.coverage import coverage, sentences
from sensor.records.filters import SearchError
from sensor.records.query import Query, QueryError, Range
from sensor.records.summary import size
from sensor.records.talkers import (
    GROUPINGS,
    PAIR,
    SERVICES,
    SORTS,
    Talker,
    Talkers,
    Wanted,
    of_host,
    of_service,
    talkers,
)
from sensor.views.errors import Malformed, NotReadable, one_of

ROWS, CSV_ROWS = 50, 10_000
MICROSECOND = 1000
# Letters of a label in the picture: a pair has two names.
LABELS = {PAIR: 40}


class TrafficFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``host``: a device, an address, a block or a MAC, as client or server; ``since`` and ``until``: ns."""

    host: str = ""
    service: str = ""
    since: int | None = None
    until: int | None = None


class Result(NamedTuple):
    """``seen``: traffic that the records do not contain."""

    found: Talkers
    seen: Sequence[str]


def page(request: PageRequest) -> Response:
    wanted, by, sort = _wanted(request)
    result = _result(request, wanted, by, sort, ROWS)
    return render(
        request, "traffic.jinja", "Traffic", wanted=wanted, by=by, sort=sort, result=result, groupings=GROUPINGS,
        sorts=SORTS, size=size, rows=ROWS, services=SERVICES, chart=_chart(result.found.rows, by, sort),
        queries=[connections_of(one.host, one.peer) for one in result.found.rows], is_device=DEVICE.fullmatch,
    )  # fmt: skip


def csv_page(request: PageRequest) -> Response:
    """The rows as CSV (RFC 4180); no cell is evaluated as a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(Talker._fields)
    for one in _result(request, *_wanted(request), CSV_ROWS).found.rows:
        writer.writerow(map(csv_cell, one))
    return Response(
        out.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="traffic.csv"'},
    )


def _wanted(request: PageRequest) -> tuple[TrafficFilter, str, str]:
    """Filter, grouping and order in the URL. Raises Unknown, Malformed."""
    by, sort = request.first("by") or PAIR, request.first("sort") or SORTS[0]
    one_of("by", [by], GROUPINGS)
    one_of("sort", [sort], SORTS)
    return request.filter(TrafficFilter, "by"), by, sort


def _result(request: PageRequest, wanted: TrafficFilter, by: str, sort: str, most: int) -> Result:
    """Raises Malformed; NotReadable without records."""
    within = Range(*(None if ts is None else ts // MICROSECOND for ts in (wanted.since, wanted.until)))
    with querying(request.dataset, within) as there:
        try:
            found = talkers(there.query, by, sort, list(_conditions(there.query, wanted)), limit=most)
            return Result(found, [*there.missing, *sentences(coverage(there.query))])
        except SearchError as error:
            raise Malformed("host", wanted.host, str(error).partition("expected ")[2]) from None
        except QueryError as error:
            raise NotReadable(f"traffic records: {error}") from None


def _chart(found: Sequence[Talker], by: str, sort: str) -> Chart | None:
    """None without connections."""
    rows = [(_label(one), one.bytes if sort == "bytes" else one.connections) for one in found]
    text_of = _size if sort == "bytes" else number_text
    return chart_of((by, sort), ("VARCHAR", "BIGINT"), rows, text_of, LABELS.get(by, LABEL))


def _conditions(query: Query, wanted: TrafficFilter) -> Iterator[Wanted]:
    if wanted.host:
        yield of_host(query, wanted.host)
    if wanted.service:
        yield of_service(wanted.service)


def _label(one: Talker) -> str:
    return " → ".join(filter(None, (one.name or one.host, one.peer_name or one.peer)))


def _size(value: float) -> str:
    return size(int(value))
