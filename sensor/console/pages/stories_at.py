"""Incidents and recommendations as of a time, and the difference between two times, from the event log."""

from __future__ import annotations

from collections import Counter

import msgspec
from starlette.responses import Response

from sensor.console.moments import moment_of
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.core.foreign import part
from sensor.core.record_parts import objects, time_text
from sensor.views.errors import Malformed, NotReadable
from sensor.views.past import PastFilter, PastRow, begin_of, changes_of, fitting, rows_at
from sensor.views.stories import STATES, StoryRow

SHOWN = 1000


def page(request: PageRequest, table: str, title: str) -> Response:
    """``at``: the time; ``against``: the time to compare with."""
    wanted = request.filter(PastFilter)
    every, changes = rows_of(request, table, "at"), None
    rows = fitting(every, wanted)
    if request.first("against"):
        other = rows_of(request, table, "against")
        changes = changes_of(every, other, {row.id for row in (*rows, *fitting(other, wanted))})
    return render(
        request, "rows_at.jinja", title, rows=rows[:SHOWN], total=len(rows), shown=SHOWN, wanted=wanted, states=STATES,
        counts=Counter(row.state for row in every), path=f"/{table}/" if table == "incidents" else "",
        changes=changes, timely=True,
    )  # fmt: skip


def incident(request: PageRequest, row: StoryRow) -> Response:
    """One incident: its state, and the steps of its story until then."""
    then = next((one for one in rows_of(request, "incidents", "at") if one.id == row.id), None)
    if then is None:
        raise Malformed("at", request.first("at"), f"a time after {time_text(row.first)[:19]}Z, when it began")
    body, until = part(row.record, "incident"), time_text(at_of(request, "at"))
    story = [step for step in objects(body.get("story")) if str(step.get("ts") or "") <= until]
    past = msgspec.structs.replace(
        row, state=then.state, severity=then.severity, summary=then.summary, last=min(then.last, row.last)
    )
    return render(
        request,
        "incident_at.jinja",
        "Incident",
        row=past,
        story=story,
        steps=(),
        actors=objects(body.get("actors")),
        timely=True,
    )


def at_of(request: PageRequest, name: str) -> int:
    """The time in a parameter, ns. Raises Malformed before the first record; NotReadable without records."""
    at, first = moment_of(name, request.first(name), request.now), begin_of(request.data)
    if first is None:
        raise NotReadable("the dataset has no event log: its past is unknown")
    if at < first:
        begin = time_text(first)[:19]
        raise Malformed(name, request.first(name), f"a time after {begin}Z, when the event log begins")
    return at


def rows_of(request: PageRequest, table: str, name: str) -> list[PastRow]:
    """The rows of a table at the time in a parameter. Raises Malformed, NotReadable."""
    return rows_at(request.data, table, at_of(request, name))
