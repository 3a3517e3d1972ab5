"""Vulnerabilities: CVEs that affect or may affect devices, most urgent first."""

from __future__ import annotations

from msgspec import structs
from starlette.responses import Response

from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.posture.picture import Picture
from sensor.posture.vulnerabilities.sources import sources_of
from sensor.views.vulnerabilities import SORTS, VulnerabilityFilter, every_finding, vulnerabilities

FACETS = ("verdict", "severity", "exploited")


def page(request: PageRequest) -> Response:
    wanted, paging = request.filter(VulnerabilityFilter), request.paging("priority")
    with request.console.assessments.of(request.opened) as picture:
        found = vulnerabilities(picture, wanted, paging.sort, limit=paging.limit, cursor=paging.cursor)
        imported = bool(sources_of(picture.around.vulnerabilities))
        undated = _undated(picture, wanted) if wanted.since is not None else 0
        names = {name: picture.known.device(name) or {} for row in found.rows for name in row.devices}
    return render(
        request, "vulnerabilities.jinja", "Vulnerabilities", page=found, wanted=wanted, paging=paging,
        sorts=tuple(SORTS), facets=FACETS,
        names=names, undated=undated, imported=imported,
    )  # fmt: skip


def _undated(picture: Picture, wanted: VulnerabilityFilter) -> int:
    """Number of CVEs that a range of time leaves out because the time of their first detection is unknown."""
    rows = every_finding(picture, structs.replace(wanted, since=None))
    return len({row.cve for row in rows if not row.first_detected})
