"""Health: what the sensor reports of itself, its figures, and what it could not see."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.losses import unseen
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.datasets.live import is_written
from sensor.views.moments import health


def page(ask: PageRequest) -> Response:
    found = health(ask.data, limit=100)
    return render(
        ask,
        "health.jinja",
        "Health",
        health=found,
        unseen=unseen(found),
        running=is_written(ask.dataset.folder),
        missing=ask.dataset.missing,
    )
