"""Charts as server-side SVG, without scripts or styles, with a text alternative."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from sensor.core.record_parts import time_text
from sensor.core.severities import SEVERITIES

WIDTH, HEIGHT, BARS = 720, 120, 48
_FRAME = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}" preserveAspectRatio="none">{}</svg>')
_RECT = Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>')

_LINE = Markup('<polyline class="line" points="{}" vector-effect="non-scaling-stroke"/>')


class Chart(NamedTuple):
    """``first`` and ``last``: range of the axis, ns; ``shown``: number of events shown; ``most``: count of the highest
    bar; ``counts``: for each severity, most severe first.
    """

    picture: Markup
    first: int
    last: int
    shown: int
    most: int
    counts: Mapping[str, int]


def histogram(moments: Sequence[tuple[int, str]]) -> Chart | None:
    """Events over time, stacked by severity with the most severe at the bottom; None if there are none. Times in ns."""
    if not moments:
        return None
    first, last = min(ts for ts, _ in moments), max(ts for ts, _ in moments)
    step = max(1, (last - first) // BARS + 1)
    counts: dict[int, Counter[str]] = {}
    for ts, severity in moments:
        counts.setdefault((ts - first) // step, Counter())[severity] += 1
    most = max(one.total() for one in counts.values())
    width = WIDTH / BARS
    bars = Markup("").join(
        _bar(number * width, width, counts[number], most, first + number * step) for number in sorted(counts)
    )
    label = f"alerts over time, at most {most} in one bar"
    by_severity = Counter(severity for _, severity in moments)
    legend = {name: by_severity[name] for name in SEVERITIES[::-1] if name in by_severity}
    return Chart(_FRAME.format(WIDTH, HEIGHT, label, bars), first, last, len(moments), most, legend)


def _bar(left: float, width: float, counts: Mapping[str, int], most: int, begins: int) -> Markup:
    parts, bottom = [], float(HEIGHT)
    for severity in SEVERITIES[::-1]:
        if count := counts.get(severity, 0):
            height = max(2.0, count / most * (HEIGHT - 4))
            bottom -= height
            parts.append(_RECT.format(severity, left + 1, bottom, width - 2, height))
    text = ", ".join(f"{count} {name}" for name, count in counts.items())
    return Markup("<g><title>{}: {}</title>{}</g>").format(
        f"{time_text(begins)[:16].replace('T', ' ')} UTC", text, Markup("").join(parts)
    )


def line(points: Sequence[float], most: float, label: str) -> Markup | None:
    """A line chart over equidistant points, from 0 to ``most``; None for fewer than two points."""
    if len(points) < 2:
        return None
    step = WIDTH / (len(points) - 1)
    path = " ".join(
        f"{number * step:.1f},{HEIGHT - 2 - value / most * (HEIGHT - 4):.1f}" for number, value in enumerate(points)
    )
    return _FRAME.format(WIDTH, HEIGHT, label, _LINE.format(path))
