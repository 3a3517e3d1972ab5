"""One incident: its steps in order, each with its alert."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.page_request import PageRequest
from sensor.console.pages import stories_at
from sensor.console.render import render
from sensor.core.foreign import part
from sensor.core.record_parts import objects


def page(request: PageRequest) -> Response:
    row = request.views.incident(request.http.path_params["id"])
    if request.first("at"):
        return stories_at.incident(request, row)
    body = part(row.record, "incident")
    return render(
        request, "incident.jinja", "Incident", row=row, body=body, story=objects(body.get("story")),
        actors=objects(body.get("actors")),
        targets=objects(row.record.get("targets")), attack=objects(body.get("attack")),
    )  # fmt: skip
