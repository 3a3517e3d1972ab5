"""Alerts at an earlier time: the list, and one alert."""

from __future__ import annotations

from collections import Counter

from starlette.responses import Response

from sensor.console.alerts_history import alert_of, alerts_of, fitting, rows_of
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.views.alert_filter import STATES
from sensor.views.alerts import AlertDetails
from sensor.views.past import PastFilter, changes_of

SHOWN = 1000


def page(request: PageRequest) -> Response:
    """``at``: the time; ``against``: the time to compare with; filters as far as the records
    have them.
    """
    wanted = request.filter(PastFilter)
    then = alerts_of(request)
    found = fitting(then.alerts, wanted)
    changes = None
    if request.first("against"):
        other = alerts_of(request, "against").alerts
        shown = {one.row["alert"] for one in (*found, *fitting(other, wanted))}
        changes = changes_of(rows_of(then.alerts), rows_of(other), shown)
    return render(
        request, "alerts_at.jinja", "Alerts", then=then, alerts=found[:SHOWN], total=len(found), shown=SHOWN,
        wanted=wanted, states=STATES, counts=Counter(one.state for one in then.alerts), timely=True, changes=changes,
        path="/alerts/",
    )  # fmt: skip


def one(request: PageRequest, details: AlertDetails) -> Response:
    """One alert, its development, and the notes of operators until then."""
    then = alert_of(request, details)
    return render(request, "alert_at.jinja", details.alert.title, then=then, row=then.alert.row, timely=True)
