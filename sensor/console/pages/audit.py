"""Audit log: who logged in, and who changed what."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.page_request import PageRequest
from sensor.console.render import render


def page(ask: PageRequest) -> Response:
    return render(
        ask,
        "audit.jinja",
        "Audit log",
        entries=list(ask.console.audit.newest()),
        path=ask.request.url.path,
        file=ask.console.audit.path,
    )
