"""Overview: what is open, what is new, and what the sensor could not see."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.ask import Ask
from sensor.console.charts import histogram
from sensor.console.render import render
from sensor.console.unseen import unseen
from sensor.views.alert_filter import AlertFilter
from sensor.views.alerts import alerts
from sensor.views.devices import devices
from sensor.views.moments import health
from sensor.views.stories import StoryFilter, incidents, recommendations

# The chart is of the newest alerts; of very many the first ones cost their square.
SHOWN, CHARTED = 8, 120
OPEN = ("open", "acknowledged")


def page(ask: Ask) -> Response:
    data = ask.data
    newest = alerts(data, AlertFilter(state=OPEN), "last", limit=CHARTED)
    state = health(data)
    return render(
        ask, "overview.jinja", "Overview", stories=incidents(data, StoryFilter(state=("open",)), "severity",
        limit=SHOWN),
        alerts=alerts(data, AlertFilter(state=OPEN), "severity", limit=SHOWN),
        devices=devices(data, sort="first", limit=SHOWN),
        todo=recommendations(data, StoryFilter(state=("open",)), limit=SHOWN), unseen=unseen(state), health=state,
        chart=histogram([(row.last, row.severity) for row in newest.rows]),
    )  # fmt: skip
