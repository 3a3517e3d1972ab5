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

COLUMNS = (("severity", "Severity"), ("last", "Last seen"), ("risk", "Risk"))


def page(request: PageRequest) -> Response:
    """Current alerts, or alerts at an earlier time."""
    if request.first("at"):
        return alerts_at.page(request)
    wanted, paging = request.filter(AlertFilter), request.paging("severity")
    found = request.views.alerts(
        wanted, paging.sort, backwards=paging.backwards, limit=paging.limit, cursor=paging.cursor
    )
    return render(
        request, "alerts.jinja", "Alerts", page=found, wanted=wanted, paging=paging, sorts=SORTS, facets=FACETS,
        verdicts=VERDICTS,
        assignees=assignees(found.facets, request.who.name), filter=request.http.url.query,
    )  # fmt: skip
