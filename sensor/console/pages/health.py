"""Health: what the sensor reports about itself, its figures, traffic that it could not see, and its outputs."""

from __future__ import annotations

import time

from starlette.responses import Response

from sensor.console.output_states import output_states
from sensor.console.page_request import PageRequest
from sensor.console.pages import stories_at
from sensor.console.render import render
from sensor.datasets.live import is_written
from sensor.views.losses import unseen
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
        outputs=output_states(request.dataset.log, time.time()) if until is None else [],
    )
