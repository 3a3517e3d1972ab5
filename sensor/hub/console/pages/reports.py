"""Scheduled reports: their schedules, and the reports that workers made."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from starlette.responses import RedirectResponse, Response

from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.console.security.session import Refused
from sensor.hub import reports
from sensor.hub.console.pages.reading import reader_of, writing
from sensor.hub.console.sources import ALL
from sensor.hub.reports import EVERY, FORMATS, KEPT, Schedule, site_of
from sensor.views.errors import Malformed, Unknown, one_of

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def page(request: PageRequest) -> Response:
    reader = reader_of(request)
    sites = list(reader.sites) if reader.sites is not None else None
    return render(
        request, "hub_reports.jinja", "Reports", schedules=reports.list_schedules(reader.base, sites),
        reports=reports.list_reports(reader.base, sites), site_of=site_of, every=EVERY, formats=FORMATS, kept=KEPT,
        sites=[one.name for one in request.console.sources.all(request.who.name)][0 if reader.reads_all else 1 :],
    )  # fmt: skip


def file(request: PageRequest) -> Response:
    """The report as an attachment: its HTML must not run in the console's origin."""
    number = request.http.path_params["number"]
    found = reports.stored(reader_of(request).base, number)
    if found is None:
        raise Unknown("id", number, ())
    one, body = found
    headers = {"Content-Disposition": f'attachment; filename="{one.file_name}"'}
    return Response(body, media_type=FORMATS[one.format], headers=headers)


def act(request: PageRequest) -> Response:
    """Add or remove a schedule."""
    action, name = request.field("action"), request.field("name")
    one_of("action", [action], ("add", "remove"))
    (_add if action == "add" else _remove)(request, name)
    return RedirectResponse(request.url("/reports"), 303)


def _add(request: PageRequest, name: str) -> None:
    every, form, site = (request.field(field) for field in ("every", "format", "site"))
    one_of("every", [every], EVERY)
    one_of("format", [form], FORMATS)
    if not _NAME.fullmatch(name):
        raise Malformed("name", name, "up to 64 letters, digits and ._-")
    chosen = request.console.sources.dataset(site, request.who.name).name
    if chosen == ALL and not reader_of(request).reads_all:
        raise Refused("A report of all sites needs a user without a limit to sites: choose a site.")
    one = Schedule(name, None if chosen == ALL else chosen, every, form, request.who.name)
    _audit(request, "report schedule", f"{name}: each {every}, {form}", chosen)
    with writing(request) as base:
        if not reports.add_schedule(base, one, datetime.now(UTC)):
            raise Malformed("name", name, f"one that is not in use, and at most {reports.SCHEDULES} schedules")


def _remove(request: PageRequest, name: str) -> None:
    known = {one.name: one for one in reports.list_schedules(reader_of(request).base)}
    if name not in known:
        raise Unknown("name", name, known)
    _audit(request, "report unschedule", name, site_of(known[name]))
    with writing(request) as base:
        reports.remove_schedule(base, name)


def _audit(request: PageRequest, action: str, text: str, site: str) -> None:
    request.console.audit.add(request.who.name, action, peer=request.peer, dataset=site, text=text)
