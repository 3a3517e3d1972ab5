"""Exposure: the score of the site with its terms, the most effective fixes, and the devices with the highest scores."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.page_request import PageRequest
from sensor.console.pages import posture_at
from sensor.console.render import render
from sensor.posture.scores.causes import SHUT
from sensor.posture.vulnerabilities.fleet import OUTSIDE
from sensor.views.errors import NotReadable
from sensor.views.posture import FIELDS, SORTS, FixRow, ScoreFilter, posture, scores

ALERTS = "alerts|"
# Devices in a link, whose length servers and browsers limit.
DEVICES_LIMIT = 50


def page(request: PageRequest) -> Response:
    if request.first("at"):
        return posture_at.page(request)
    wanted, paging = request.filter(ScoreFilter), request.paging("points")
    try:
        with request.console.assessments.of(request.opened) as picture:
            site = posture(picture)
            found = scores(picture, wanted, paging.sort, limit=paging.limit, cursor=paging.cursor)
    except NotReadable as error:  # such as too many devices
        return posture_at.last(request, error)
    return render(
        request,
        "posture.jinja",
        "Exposure",
        site=site,
        page=found,
        wanted=wanted,
        paging=paging,
        sorts=tuple(SORTS),
        facets=FIELDS,
        targets=[target_of(request, fix) for fix in site.fixes],
    )


def target_of(request: PageRequest, fix: FixRow) -> str:
    """The page that shows what a fix resolves: alerts of a device or of inbound traffic, CVEs of its devices, or
    recommendations.
    """
    if fix.key.startswith(ALERTS):
        name = fix.key.removeprefix(ALERTS)
        return request.url(f"/alerts/{name}") if name in fix.fixes else request.url("/alerts", device=name)
    if fix.key == SHUT.key:
        return request.url("/alerts", detector=OUTSIDE)
    settings = [name for name in fix.fixes if not name.startswith("CVE-")]
    if settings:
        return request.url("/recommendations", setting=settings)
    if len(fix.devices) <= DEVICES_LIMIT:
        return request.url("/vulnerabilities", device=fix.devices)
    # The product and its version, without the kind of the fix.
    return request.url("/vulnerabilities", text=" ".join(filter(None, fix.key.split("|")[1:])))
