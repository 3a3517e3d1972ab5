"""Exposure: the score of the site with its terms, the fixes that lower it most, and the devices with the highest
scores.
"""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.views.posture import FIELDS, SORTS, ScoreFilter, posture, scores


def page(ask: PageRequest) -> Response:
    wanted, paging = ask.filter(ScoreFilter), ask.paging("points")
    with ask.console.assessments.of(ask.opened) as picture:
        site = posture(picture)
        found = scores(picture, wanted, paging.sort, limit=paging.limit, cursor=paging.cursor)
    return render(
        ask,
        "posture.jinja",
        "Exposure",
        site=site,
        page=found,
        wanted=wanted,
        paging=paging,
        sorts=tuple(SORTS),
        facets=FIELDS,
    )
