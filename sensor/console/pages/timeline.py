"""Timeline of events, newest first."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from sensor.console.page_request import PageRequest
from sensor.console.pages import stories_at
from sensor.console.render import render
from sensor.views.moments import KINDS, TimelineFilter, timeline

PATHS = {"alert": "/alerts/", "device": "/devices/", "incident": "/incidents/"}


def page(request: PageRequest) -> Response:
    wanted, paging = request.filter(TimelineFilter), request.paging("last", 100)
    if request.first("at"):
        at = stories_at.at_of(request, "at") + 1
        wanted = msgspec.structs.replace(wanted, until=min(at, wanted.until or at))
    found = timeline(request.data, wanted, limit=paging.limit, cursor=paging.cursor)
    return render(request, "timeline.jinja", "Timeline", page=found, kinds=KINDS, paths=PATHS, timely=True)
