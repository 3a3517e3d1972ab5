"""Search for a text, an address, a network or an id in all tables."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.filters import LONGEST
from sensor.console.lookups import Lookups, lookups
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.views.errors import Malformed

SHOWN = 10


def page(request: PageRequest) -> Response:
    text = request.first("q").strip()
    if len(text) > LONGEST:
        raise Malformed("q", f"{text[:20]}…", f"at most {LONGEST} characters")
    hits = request.views.search(text, limit=SHOWN) if text else None
    device = hits.devices.rows[0].id if hits is not None and hits.devices.total == 1 else ""
    return render(
        request,
        "search.jinja",
        f"Search: {text}" if text else "Search",
        q=text,
        hits=hits,
        more=lookups(request.dataset, text, device) if request.views.on_sensor else Lookups(),
    )
