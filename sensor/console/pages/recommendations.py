"""Recommendations: settings to change on devices, most severe first."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.page_request import PageRequest
from sensor.console.pages import stories_at
from sensor.console.render import render
from sensor.views.stories import SORTS, StoryFilter, recommendations


def page(request: PageRequest) -> Response:
    if request.first("at"):
        return stories_at.page(request, "recommendations", "Recommendations")
    wanted, paging = request.filter(StoryFilter), request.paging("severity")
    found = recommendations(request.data, wanted, paging.sort, limit=paging.limit, cursor=paging.cursor)
    return render(
        request,
        "recommendations.jinja",
        "Recommendations",
        page=found,
        wanted=wanted,
        paging=paging,
        sorts=SORTS,
        facets=("state", "severity"),
    )
