"""Incidents: alerts that belong together, by severity and state."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.page_request import PageRequest
from sensor.console.pages import stories_at
from sensor.console.render import render
from sensor.views.stories import SORTS, StoryFilter


def page(request: PageRequest) -> Response:
    if request.first("at"):
        return stories_at.page(request, "incidents", "Incidents")
    wanted, paging = request.filter(StoryFilter), request.paging("severity")
    found = request.views.incidents(wanted, paging.sort, limit=paging.limit, cursor=paging.cursor)
    return render(
        request,
        "incidents.jinja",
        "Incidents",
        page=found,
        wanted=wanted,
        paging=paging,
        sorts=SORTS,
        facets=("state", "severity"),
    )
