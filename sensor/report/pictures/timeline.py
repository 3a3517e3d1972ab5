"""Timeline: starts of alerts as bars by severity, and below them the most severe incidents from their first to their
last alert.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from markupsafe import Markup

from sensor.core.severities import SEVERITIES
from sensor.report.model import Alert, Incident, Period
from sensor.report.period import is_time, moment
from sensor.report.pictures.svg import FAINT, LINE, SEVERITY, WIDTH, fitting, on, picture, rect, stroke, text, width_of

STEPS, INCIDENTS_SHOWN, TICKS = 48, 8, 5
LEFT, RIGHT, TOP, TALL, ROW = 34.0, WIDTH - 6.0, 28.0, 96.0, 20.0


def timeline(alerts: Sequence[Alert], incidents: Sequence[Incident], period: Period) -> Markup:
    """The picture of a period with a beginning and an end. Alerts that began before it have no bar."""
    scale = _Scale(period)
    counts = [Counter[str]() for _ in range(STEPS)]
    alerts = [alert for alert in alerts if alert.first >= period.since]
    for alert in alerts:
        if is_time(alert.first):
            counts[scale.step(alert.first)][alert.severity] += 1
    highest = max(map(Counter.total, counts), default=0) or 1
    shown = [one for one in incidents if is_time(one.first) and is_time(one.last)][:INCIDENTS_SHOWN]
    parts = [
        *_legend(alerts),
        *_axis(highest),
        *_bars(counts, highest, scale),
        *_ticks(scale),
        *_incidents(shown, scale),
    ]
    severities = Counter(alert.severity for alert in alerts)
    about = ", ".join(f"{severities[name]:,} {name}" for name in reversed(SEVERITIES) if severities[name]) + "".join(
        f"; incident: {one.text}" for one in shown
    )
    return picture(
        "timeline", TOP + TALL + 26 + ROW * len(shown) + 2, f"{len(alerts):,} alerts, {period.label}", about, parts
    )


class _Scale:
    """Maps times to positions."""

    def __init__(self, period: Period) -> None:
        self.begin, self.end = moment(period.since).timestamp(), moment(period.until).timestamp()
        self.span = max(self.end - self.begin, 1.0)

    def share(self, ts: str) -> float:
        return min(max((moment(ts).timestamp() - self.begin) / self.span, 0.0), 1.0)

    def x(self, ts: str) -> float:
        return LEFT + self.share(ts) * (RIGHT - LEFT)

    def step(self, ts: str) -> int:
        return min(int(self.share(ts) * STEPS), STEPS - 1)

    def caption(self, share: float) -> str:
        """A time as exact as the span requires."""
        when = datetime.fromtimestamp(self.begin + share * self.span, UTC)
        return when.strftime("%H:%M:%S" if self.span < 600 else "%d %b %H:%M" if self.span < 5 * 86400 else "%d %b %Y")


def _legend(alerts: Sequence[Alert]) -> Iterator[Markup]:
    x = LEFT
    for name in reversed(SEVERITIES):
        if count := sum(alert.severity == name for alert in alerts):
            caption = f"{count:,} {name}"
            yield rect(x, 2, 11, 11, SEVERITY[name], radius=2)
            yield text(x + 16, 12, caption, colour=FAINT)
            x += width_of(caption) + 34


def _axis(highest: int) -> Iterator[Markup]:
    yield stroke([(LEFT, TOP + TALL), (RIGHT, TOP + TALL)])
    yield stroke([(LEFT, TOP), (RIGHT, TOP)], width=0.6)
    yield text(LEFT - 6, TOP + 4, f"{highest:,}", colour=FAINT, size=11, anchor="end")
    yield text(LEFT - 6, TOP + TALL + 4, "0", colour=FAINT, size=11, anchor="end")


def _bars(counts: Sequence[Counter[str]], highest: int, scale: _Scale) -> Iterator[Markup]:
    width = (RIGHT - LEFT) / STEPS
    for place, severities in enumerate(counts):
        y = TOP + TALL
        for name in reversed(SEVERITIES):
            if height := TALL * severities[name] / highest:
                y -= height
                tip = f"{scale.caption(place / STEPS)}: {severities[name]:,} {name}"
                yield rect(LEFT + place * width + 0.75, y, width - 1.5, height, SEVERITY[name], tip)


def _ticks(scale: _Scale) -> Iterator[Markup]:
    for number in range(TICKS):
        share = number / (TICKS - 1)
        x = LEFT + share * (RIGHT - LEFT)
        yield stroke([(x, TOP + TALL), (x, TOP + TALL + 4)], LINE)
        yield text(
            x,
            TOP + TALL + 17,
            scale.caption(share),
            colour=FAINT,
            size=11,
            anchor=("start", "middle", "end")[(number > 0) + (number == TICKS - 1)],
        )


def _incidents(incidents: Sequence[Incident], scale: _Scale) -> Iterator[Markup]:
    """Each as a bar, with its sentence in it if it fits, otherwise beside it."""
    for number, one in enumerate(incidents):
        y, start = TOP + TALL + 26 + ROW * number, scale.x(one.first)
        width, colour = max(scale.x(one.last) - start, 4.0), SEVERITY[one.severity]
        yield rect(start, y, width, ROW - 5, colour, one.text, radius=2)
        if width > (RIGHT - LEFT) / 2:
            yield text(start + 6, y + 11, fitting(one.text, width - 10, 10.5), colour=on(colour), size=10.5)
        elif start + width < (LEFT + RIGHT) / 2:
            yield text(start + width + 6, y + 11, fitting(one.text, RIGHT - start - width - 8, 10.5), size=10.5)
        else:
            yield text(start - 6, y + 11, fitting(one.text, start - LEFT - 8, 10.5), size=10.5, anchor="end")
