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
from sensor.views.alerts import SORTS, alerts

COLUMNS = (("severity", "Severity"), ("last", "Last seen"), ("risk", "Risk"))


def page(ask: PageRequest) -> Response:
    """As they are now, or at a moment."""
    if ask.first("at"):
        return alerts_at.page(ask)
    wanted, paging = ask.filter(AlertFilter), ask.paging("severity")
    found = alerts(ask.data, wanted, paging.sort, backwards=paging.backwards, limit=paging.limit, cursor=paging.cursor)
    return render(
        ask, "alerts.jinja", "Alerts", page=found, wanted=wanted, paging=paging, sorts=SORTS, facets=FACETS,
        verdicts=VERDICTS,
        assignees=assignees(found.facets, ask.who.name), filter=ask.request.url.query,
    )  # fmt: skip
