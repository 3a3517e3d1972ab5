"""Top talkers: the pairs of hosts, hosts or services with most bytes or connections in a time range."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from msgspec import structs
from starlette.responses import Response

from sensor.console.api.filters import TrafficFilter
from sensor.console.cells import csv_cell
from sensor.console.hunt_chart import LABEL, Chart, chart_of, number_text
from sensor.console.lookups import DEVICE, connections_of
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.console.top_talkers import top_talkers
from sensor.records.summary import size
from sensor.records.talker import Talker
from sensor.records.talkers import GROUPINGS, PAIR, SERVICES, SORTS

ROWS, CSV_ROWS = 50, 10_000
# Letters of a label in the picture: a pair has two names.
LABELS = {PAIR: 40}


def page(request: PageRequest) -> Response:
    wanted, sort = request.filter(TrafficFilter), request.first("sort") or SORTS[0]
    by, result = wanted.by, top_talkers(request, wanted, sort, ROWS)
    return render(
        request, "traffic.jinja", "Traffic", wanted=wanted, by=by, sort=sort, result=result, groupings=GROUPINGS,
        sorts=SORTS, size=size, rows=ROWS, services=SERVICES, chart=_chart(result.found.rows, by, sort),
        queries=[connections_of(one.host, one.peer) for one in result.found.rows], is_device=DEVICE.fullmatch,
    )  # fmt: skip


def csv_page(request: PageRequest) -> Response:
    """The rows as CSV (RFC 4180); no cell is evaluated as a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(Talker.__struct_fields__)
    sort = request.first("sort") or SORTS[0]
    for one in top_talkers(request, request.filter(TrafficFilter), sort, CSV_ROWS).found.rows:
        writer.writerow(map(csv_cell, structs.astuple(one)))
    return Response(
        out.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="traffic.csv"'},
    )


def _chart(found: Sequence[Talker], by: str, sort: str) -> Chart | None:
    """None without connections."""
    rows = [(_label(one), one.bytes if sort == "bytes" else one.connections) for one in found]
    text_of = _size if sort == "bytes" else number_text
    return chart_of((by, sort), ("VARCHAR", "BIGINT"), rows, text_of, LABELS.get(by, LABEL))


def _label(one: Talker) -> str:
    return " → ".join(filter(None, (one.name or one.host, one.peer_name or one.peer)))


def _size(value: float) -> str:
    return size(int(value))
