"""Scheduled reports: their schedules, and the reports that workers made."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.console.report_schedules import schedule_report, unschedule_report
from sensor.console.report_store import NewSchedule
from sensor.console.reports import FORMATS
from sensor.console.schedules import EVERY
from sensor.hub.console.pages.reading import reader_of
from sensor.hub.reports import KEPT
from sensor.views.errors import one_of


def page(request: PageRequest) -> Response:
    sites = [one.name for one in request.console.sources.all(request.who.name)]
    return render(
        request, "hub_reports.jinja", "Reports", schedules=request.reports.schedules(),
        reports=request.reports.reports(), every=EVERY, formats=FORMATS, kept=KEPT,
        sites=sites if reader_of(request).reads_all else sites[1:],
    )  # fmt: skip


def file(request: PageRequest) -> Response:
    return request.reports.file(request.http.path_params["number"]).response()


def act(request: PageRequest) -> Response:
    """Add or remove a schedule."""
    action, name = request.field("action"), request.field("name")
    one_of("action", [action], ("add", "remove"))
    if action == "add":
        new = NewSchedule(name, request.field("every"), request.field("format"))
        dataset = request.console.sources.dataset(request.field("site"), request.who.name)
        schedule_report(request, new, dataset.name)
    else:
        unschedule_report(request, name)
    return RedirectResponse(request.url("/reports"), 303)
