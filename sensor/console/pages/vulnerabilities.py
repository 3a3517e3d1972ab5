"""Vulnerabilities: CVEs that affect or may affect devices, most urgent first."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.views.vulnerabilities import SORTS, VulnerabilityFilter, vulnerabilities

FACETS = ("verdict", "severity", "exploited")


def page(request: PageRequest) -> Response:
    wanted, paging = request.filter(VulnerabilityFilter), request.paging("priority")
    with request.console.assessments.of(request.opened) as picture:
        found = vulnerabilities(picture, wanted, paging.sort, limit=paging.limit, cursor=paging.cursor)
        names = {name: picture.known.device(name) or {} for row in found.rows for name in row.devices}
    return render(
        request, "vulnerabilities.jinja", "Vulnerabilities", page=found, wanted=wanted, paging=paging,
        sorts=tuple(SORTS), facets=FACETS,
        names=names,
    )  # fmt: skip
