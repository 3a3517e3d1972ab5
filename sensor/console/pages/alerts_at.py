"""Alerts at an earlier time: the list, and one alert."""

from __future__ import annotations

from collections import Counter

from starlette.responses import Response

from sensor.console.alerts_history import PastFilter, alert_of, alerts_of, fitting
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.views.alert_filter import STATES
from sensor.views.alerts import AlertDetails

SHOWN = 1000


def page(request: PageRequest) -> Response:
    """``at``: the time; filters as in the current list, as far as the records contain them."""
    wanted = request.filter(PastFilter)
    then = alerts_of(request)
    found = fitting(then.alerts, wanted)
    return render(
        request, "alerts_at.jinja", "Alerts", then=then, alerts=found[:SHOWN], total=len(found), shown=SHOWN,
        wanted=wanted, states=STATES, counts=Counter(one.state for one in then.alerts), timely=True,
    )  # fmt: skip


def one(request: PageRequest, details: AlertDetails) -> Response:
    """One alert, its development, and the notes of operators until then."""
    then = alert_of(request, details)
    return render(request, "alert_at.jinja", details.alert.title, then=then, row=then.alert.row, timely=True)
