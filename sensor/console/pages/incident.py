"""One incident: who attacked whom, its steps in order, each with its alert, and the response."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response

from sensor.console.alert_actions import assignees
from sensor.console.incident_drawing import between, incident_drawing
from sensor.console.page_request import PageRequest
from sensor.console.pages import stories_at
from sensor.console.render import render
from sensor.core.foreign import part
from sensor.core.record_parts import objects
from sensor.tables.notes import VERDICTS
from sensor.views.incident_steps import incident_steps
from sensor.views.responses import responses, stored


def page(request: PageRequest) -> Response:
    row = request.views.incident(request.http.path_params["id"])
    if request.first("at"):
        return stories_at.incident(request, row)
    body = part(row.record, "incident")
    story, alert_of = objects(body.get("story")), stored(request.views.alert_records, row.record)
    steps = incident_steps(row.record, alert_of)
    picture = incident_drawing(steps, lambda kind, name: request.url(f"/{kind}/{quote(name)}"))
    return render(
        request, "incident.jinja", "Incident", row=row, body=body, story=story, actors=objects(body.get("actors")),
        ids=list(dict.fromkeys(str(step["alert"]) for step in story if step.get("alert"))), verdicts=VERDICTS,
        assignees=assignees(request.views.alerts(limit=1).facets, request.who.name),
        targets=objects(row.record.get("targets")), attack=objects(body.get("attack")),
        responses=responses(row.record, alert_of), steps=steps, picture=picture, between=between,
    )  # fmt: skip
