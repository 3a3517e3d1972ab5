"""Overview as of a time: what was open, the devices that existed, and the stored score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from starlette.responses import Response

from sensor.console.alerts_history import alerts_of, rows_of
from sensor.console.history import inventory_at
from sensor.console.page_request import PageRequest
from sensor.console.pages import stories_at
from sensor.console.pages.posture_at import day_of
from sensor.console.render import render
from sensor.core.severities import SEVERITIES
from sensor.posture.scores.exposure import band_of
from sensor.views.errors import NotReadable
from sensor.views.past import PastRow

Found = TypeVar("Found")
SHOWN = 8


def page(request: PageRequest) -> Response:
    """What the records do not have is unknown, with the reason. Raises Malformed."""
    unknown: list[str] = []
    stories = _known(lambda: _open(stories_at.rows_of(request, "incidents", "at")), unknown)
    todo = _known(lambda: _open(stories_at.rows_of(request, "recommendations", "at")), unknown)
    alerts = _known(lambda: _open(rows_of(alerts_of(request).alerts)), unknown)
    devices = _known(lambda: len(inventory_at(request, "at").devices), unknown)
    return render(
        request, "overview_at.jinja", "Overview", stories=stories, alerts=alerts, todo=todo, devices=devices,
        levels=Counter(row.severity for row in alerts or ()), day=_known(lambda: day_of(request, "at"), unknown),
        other=_known(lambda: day_of(request, "against"), unknown) if request.first("against") else None,
        unknown=list(dict.fromkeys(unknown)), band_of=band_of, shown=SHOWN, timely=True,
    )  # fmt: skip


def _open(rows: list[PastRow]) -> list[PastRow]:
    """Those that were open, the most severe and newest first, as on the present overview."""
    found = [row for row in rows if row.state != "closed"]
    return sorted(found, key=lambda row: (SEVERITIES.index(row.severity), row.last), reverse=True)


def _known(read: Callable[[], Found], unknown: list[str]) -> Found | None:
    """What is read; None if it cannot be, with the reason in ``unknown``."""
    try:
        return read()
    except NotReadable as error:
        unknown.append(str(error))
        return None
