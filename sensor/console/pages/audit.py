"""Audit log: logins and changes, with their users."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.page_request import PageRequest
from sensor.console.render import render


def page(request: PageRequest) -> Response:
    return render(
        request,
        "audit.jinja",
        "Audit log",
        entries=list(request.console.audit.newest()),
        path=request.http.url.path,
        file=request.console.audit.place,
    )
