"""Audit log: who logged in, and who changed what."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.ask import Ask
from sensor.console.render import render


def page(ask: Ask) -> Response:
    return render(
        ask,
        "audit.jinja",
        "Audit log",
        entries=list(ask.console.audit.newest()),
        path=ask.request.url.path,
        file=ask.console.audit.path,
    )
