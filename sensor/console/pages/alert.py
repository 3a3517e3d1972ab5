"""One alert: what happened and why it is reported, benign causes, ATT&CK, response, its packets, and notes of
operators.
"""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.alert_actions import assignees
from sensor.console.evidence import evidence_of
from sensor.console.hexview import rows
from sensor.console.lookups import connections_of_alert
from sensor.console.page_request import PageRequest
from sensor.console.pages import alerts_at
from sensor.console.render import render
from sensor.core.foreign import part
from sensor.core.record_parts import objects
from sensor.evidence.layers import layers_of
from sensor.tables.notes import VERDICTS

FRAMES = 40


def page(request: PageRequest) -> Response:
    """The current alert, or the alert at an earlier time."""
    found = request.views.alert(request.http.path_params["id"])
    if request.first("at"):
        return alerts_at.one(request, found)
    record = found.alert.record
    alert = part(record, "alert")
    return render(
        request, "alert.jinja", found.alert.title, row=found.alert, found=found, record=record,
        alert=alert, proofs=objects(record.get("evidence")), targets=objects(record.get("targets")),
        risk_sum=sum(points for points in part(alert, "risk_terms").values() if isinstance(points, int)),
        evidence=evidence_of(request.dataset, found.alert, FRAMES),
        connections=connections_of_alert(request.dataset, record) if request.views.on_sensor else "",
        rows=rows, layers_of=layers_of, verdicts=VERDICTS,
        assignees=assignees(request.views.alerts(limit=1).facets, request.who.name),
    )  # fmt: skip
