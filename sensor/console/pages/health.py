"""Health: what the sensor reports about itself, its figures, and traffic that it could not see."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.losses import unseen
from sensor.console.page_request import PageRequest
from sensor.console.pages import stories_at
from sensor.console.render import render
from sensor.datasets.live import is_written
from sensor.views.moments import health


def page(request: PageRequest) -> Response:
    until = stories_at.at_of(request, "at") if request.first("at") else None
    found = health(request.data, until=until, limit=100)
    return render(
        request,
        "health.jinja",
        "Health",
        health=found,
        unseen=unseen(found) if found.summary or until is None else [],
        timely=True,
        running=is_written(request.dataset.folder),
        missing=request.dataset.missing,
    )
