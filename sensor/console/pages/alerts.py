"""Alerts: facets, severity, state, assignee, verdict, and actions on many at once."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.alert_actions import assignees
from sensor.console.page_request import PageRequest
from sensor.console.pages import alerts_at
from sensor.console.render import render
from sensor.tables.notes import VERDICTS
from sensor.views.alert_filter import AlertFilter
from sensor.views.alert_groups import FACETS
from sensor.views.alerts import SORTS
from sensor.views.alerts_grouped import BY, grouped

COLUMNS = (("severity", "Severity"), ("last", "Last seen"), ("risk", "Risk"))


def page(request: PageRequest) -> Response:
    """Current alerts, or alerts at an earlier time."""
    if request.first("at"):
        return alerts_at.page(request)
    wanted = request.filter(AlertFilter, *(["by"] if request.views.on_sensor else []))
    by, paging = request.first("by"), request.paging("severity")
    groups = grouped(request.data, by, wanted) if by else None
    limit = 1 if by else paging.limit  # the number of all alerts and the values of filters are shown in any case
    found = request.views.alerts(wanted, paging.sort, backwards=paging.backwards, limit=limit, cursor=paging.cursor)
    return render(
        request, "alerts.jinja", "Alerts", page=found, wanted=wanted, paging=paging, sorts=SORTS, facets=FACETS,
        verdicts=VERDICTS,
        assignees=assignees(found.facets, request.who.name), filter=request.http.url.query,
        groups=groups, by=by, groupings=BY,
    )  # fmt: skip
