"""Health: what the sensor reports about itself, its figures, and traffic that it could not see."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.losses import unseen
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.datasets.live import is_written
from sensor.views.moments import health


def page(request: PageRequest) -> Response:
    found = health(request.data, limit=100)
    return render(
        request,
        "health.jinja",
        "Health",
        health=found,
        unseen=unseen(found),
        running=is_written(request.dataset.folder),
        missing=request.dataset.missing,
    )
