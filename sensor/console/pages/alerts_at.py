"""The list of alerts as it was at a moment."""

from __future__ import annotations

from collections import Counter

from starlette.responses import Response

from sensor.console.alerts_history import PastFilter, alerts_of, fitting
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.views.alert_filter import STATES

SHOWN = 1000


def page(ask: PageRequest) -> Response:
    """``at``: the moment; filters as in the present list, as far as the records have them."""
    wanted = ask.filter(PastFilter)
    then = alerts_of(ask)
    found = fitting(then.alerts, wanted)
    return render(
        ask, "alerts_at.jinja", "Alerts", then=then, alerts=found[:SHOWN], total=len(found), shown=SHOWN, wanted=wanted,
        states=STATES, counts=Counter(one.state for one in then.alerts), timely=True,
    )  # fmt: skip
