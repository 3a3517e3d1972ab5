"""Overview: the sites with their numbers, and the most severe open incidents and alerts of all of them."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.hub.console.pages.reading import reader_of
from sensor.hub.views.fleet import campaigns, sites
from sensor.views.alert_filter import AlertFilter
from sensor.views.stories import StoryFilter

SHOWN = 8
OPEN = ("open", "acknowledged")


def page(request: PageRequest) -> Response:
    views = request.views
    return render(
        request, "sites.jinja", "Overview", sites=sites(reader_of(request)),
        campaigns=campaigns(reader_of(request)),
        alerts=views.alerts(AlertFilter(state=OPEN), "severity", limit=SHOWN),
        closed=views.alerts(AlertFilter(state=("closed",)), "severity", limit=1),
        stories=views.incidents(StoryFilter(state=("open",)), "severity", limit=SHOWN),
        devices=views.devices(sort="first", limit=SHOWN),
    )  # fmt: skip
