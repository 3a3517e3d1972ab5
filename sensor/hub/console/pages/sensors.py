"""Sensors: health, version, lag, loss, gaps, configuration and quarantine of each."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.responses import Response

from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.hub.console.pages.reading import reader_of
from sensor.hub.views.fleet import LIMIT, sensors


def page(request: PageRequest) -> Response:
    """``text``: words in name, site, version or faults; ``faults``: only sensors with some."""
    now, words = datetime.now(UTC), request.first("text").casefold().split()
    rows = [(one, one.faults(now)) for one in sensors(reader_of(request))]
    shown = [
        (one, faults)
        for one, faults in rows
        if (faults or not request.first("faults"))
        and all(word in " ".join((one.name, one.site, one.version, *faults)).casefold() for word in words)
    ]
    versions = sorted({one.version for one, _ in rows if one.version})
    return render(
        request, "sensors.jinja", "Sensors", rows=shown, total=len(rows), limit=LIMIT, versions=versions,
        text=request.first("text"), faulty=sum(bool(faults) for _, faults in rows),
    )  # fmt: skip
