"""The exposure of the site as a mark on a scale of three bands, and its development over days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from markupsafe import Markup

from sensor.posture.scores.exposure import BANDS
from sensor.report.model import Day, Score
from sensor.report.pictures.svg import BANDS as COLOURS
from sensor.report.pictures.svg import FAINT, INK, WIDTH, circle, on, path, picture, rect, stroke, text

LEFT, RIGHT, TALL, TOP = 34.0, WIDTH - 56.0, 110.0, 10.0
DAYS_SHOWN = 400
GAUGE_WIDTH = 330.0


def gauge(score: Score, before: Score | None = None) -> Markup:
    """The scale from 0 to 100 with the bands, and a mark at the score; a smaller mark at the earlier score."""
    scale, y, parts = GAUGE_WIDTH / 100, 24.0, []
    top = 100.0
    for least, band in BANDS:
        parts.append(
            rect(
                least * scale,
                y,
                (top - least) * scale - 1.5,
                16,
                COLOURS[band],
                f"{band}: {least:g} to {top:g}",
                radius=2,
            )
        )
        parts.append(text((least + top) / 2 * scale, y + 12, band, colour=on(COLOURS[band]), size=11, anchor="middle"))
        parts.append(text(max(least * scale, 1.0), y + 30, f"{least:g}", colour=FAINT, size=10.5))
        top = least
    parts.append(text(GAUGE_WIDTH, y + 30, "100", colour=FAINT, size=10.5, anchor="end"))
    if before is not None:
        parts.append(circle(before.points * scale, y + 8, 4.5, "#ffffff", f"before: {before.points:g}"))
    parts.append(_mark(score.points * scale, y))
    about = f"{score.points:g} of 100, {score.band}" + (f"; before: {before.points:g}" if before else "")
    return picture("gauge", y + 34, "Exposure score of the site", about, parts, GAUGE_WIDTH)


def _mark(x: float, y: float) -> Markup:
    """A pointer from above."""
    shape = Markup('<path d="M{:.1f},{:.1f}l-7,-11h14z" class="ink" fill="{}"/>')
    return shape.format(x, y - 1, INK) + stroke([(x, y), (x, y + 16)], "#ffffff", 1.5)


def trend(days: Sequence[Day]) -> Markup:
    """The score of each stored day, over the bands. At least two days."""
    days = days[-DAYS_SHOWN:]
    first, last = date.fromisoformat(days[0].day), date.fromisoformat(days[-1].day)
    span = max((last - first).days, 1)
    points = [
        (LEFT + (date.fromisoformat(one.day) - first).days / span * (RIGHT - LEFT), _y(one.points)) for one in days
    ]
    parts, top = [], 100.0
    for least, band in BANDS:
        parts.append(path(f"M{LEFT},{_y(top):.1f}H{RIGHT}V{_y(least):.1f}H{LEFT}Z", COLOURS[band], band, 0.14))
        parts.append(text(LEFT - 6, _y(least) + 4, f"{least:g}", colour=FAINT, size=10.5, anchor="end"))
        parts.append(text(RIGHT + 6, _y((top + least) / 2) + 4, band, colour=FAINT, size=10.5))
        top = least
    parts += [text(LEFT - 6, _y(100) + 4, "100", colour=FAINT, size=10.5, anchor="end"), stroke(points, PEN, 2.0)]
    parts += [circle(x, y, 3, PEN, f"{one.day}: {one.points:g}") for (x, y), one in zip(points, days, strict=True)]
    bottom = TOP + TALL + 18
    parts += [
        text(LEFT, bottom, days[0].day, colour=FAINT, size=10.5),
        text(RIGHT, bottom, days[-1].day, colour=FAINT, size=10.5, anchor="end"),
    ]
    about = f"from {days[0].points:g} on {days[0].day} to {days[-1].points:g} on {days[-1].day}"
    return picture("trend", bottom + 6, "Exposure score over time", about, parts)


PEN = "#0072b2"


def _y(points: float) -> float:
    return TOP + TALL * (1 - points / 100)
