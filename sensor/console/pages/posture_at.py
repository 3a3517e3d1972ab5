"""Exposure as of a time, and the difference between two times, from the scores that are stored once a day."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from starlette.responses import Response

from sensor.console.moments import moment_of
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.console.template_filters import segment
from sensor.core.record_parts import time_text
from sensor.posture.scores.exposure import band_of
from sensor.posture.scores.trend import Day, read
from sensor.views.errors import NotReadable


class Figure(NamedTuple):
    """One figure at two times, None if unknown. ``decimals``: of its notation."""

    text: str
    before: float | None
    after: float | None
    decimals: int


def page(request: PageRequest) -> Response:
    then = day_of(request, "at")
    if then is None:
        raise NotReadable(
            f"the exposure score at {request.first('at')} is unknown: no score was stored on or before that day. "
            "`sensor posture record` stores one a day"
        )
    return _rendered(request, then, day_of(request, "against") if request.first("against") else None)


def last(request: PageRequest, why: NotReadable) -> Response:
    """The score that was stored last, in place of the current one, which cannot be computed. Raises ``why`` without."""
    days: Sequence[Day] = ()
    with contextlib.suppress(OSError):
        days = read(request.dataset.folder).days
    if not days:
        raise why
    return _rendered(request, days[-1], None, str(why))


def _rendered(request: PageRequest, then: Day, other: Day | None, why: str = "") -> Response:
    """``why`` the present score is not shown; empty for a past state."""
    return render(
        request, "posture_at.jinja", "Exposure", then=then, other=other, figures=list(_figures(then, other)),
        band_of=band_of, why=why, timely=True,
    )  # fmt: skip


def day_of(request: PageRequest, name: str) -> Day | None:
    """The stored scores for the time in a parameter: those of its day, or of the last day before. Raises Malformed,
    NotReadable.
    """
    day = time_text(moment_of(name, request.first(name), request.now))[:10]
    try:
        return next((one for one in reversed(read(request.dataset.folder).days) if one.day <= day), None)
    except OSError as error:
        raise NotReadable(f"the stored scores cannot be read: {error.strerror}") from None


def _figures(then: Day, other: Day | None) -> Iterator[Figure]:
    yield Figure("score of the site", then.points, other.points if other is not None else None, 1)
    tables: tuple[tuple[str, Mapping[str, float], Mapping[str, float], int], ...] = (
        ("devices with {} exposure", then.devices, other.devices if other is not None else {}, 0),
        ("{} weaknesses", then.weaknesses, other.weaknesses if other is not None else {}, 0),
        ("score of segment {}", then.segments, other.segments if other is not None else {}, 1),
    )
    for text, before, after, decimals in tables:
        for name in {**before, **after}:
            yield Figure(text.format(segment(name)), before.get(name), after.get(name), decimals)
