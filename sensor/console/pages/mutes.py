"""Mutes of the console's file, active ones first, and the alerts that they suppressed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from starlette.responses import RedirectResponse, Response

from sensor.alerts.mutes import Mute
from sensor.console import mute_forms
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.views.errors import one_of
from sensor.views.mutes import muted, silenced

# Suppressed alerts shown, newest first.
SHOWN = 50


class Line(NamedTuple):
    """``suppressed``: number of findings that the mute suppressed in the dataset; ``expired``: it has no effect."""

    mute: Mute
    suppressed: int
    expired: bool


def page(request: PageRequest) -> Response:
    now, counts = mute_forms.moment_text(datetime.now(UTC)), silenced(request.data)
    lines = [
        Line(mute, counts.get(mute.id, 0), bool(mute.expires) and mute.expires <= now)
        for mute in mute_forms.loaded(request.console.mutes)
    ]
    lines.sort(key=lambda one: (one.expired, not one.mute.expires, one.mute.expires))
    return render(request, "mutes.jinja", "Mutes", lines=lines, muted=muted(request.data, limit=SHOWN))


def act(request: PageRequest) -> Response:
    """Remove a mute: its alerts are reported again. Raises Malformed if it does not exist."""
    one_of("action", [request.field("action")], ("remove",))
    name = request.field("id")
    request.console.audit.add(request.who.name, "unmute", peer=request.peer, dataset=request.dataset.name, text=name)
    mute_forms.remove(request.console.mutes, [name])
    return RedirectResponse(request.url("/mutes"), 303)
