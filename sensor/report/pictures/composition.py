"""Devices in each segment, as one bar per segment with a piece per type."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from sensor.core.phrases import counted, segment_text
from sensor.report.model import Device
from sensor.report.phrases import kind, kinds
from sensor.report.pictures.svg import FAINT, PALETTE, REST, WIDTH, fitting, on, picture, rect, stroke, text, width_of

SEGMENTS_SHOWN, TYPES_SHOWN = 12, 8
ROW, BAR, LEFT, TOP, RIGHT = 26.0, 18.0, 170.0, 14.0, 60.0
OTHERS = "other"


def composition(devices: Iterable[Device]) -> Markup:
    """Largest segments first; those over the limit are one bar."""
    counts: dict[str, Counter[str]] = {}
    for device in devices:
        if not device.gone:
            counts.setdefault(segment_text(device.segment) or "no known segment", Counter())[device.type] += 1
    colours = _colours(counts.values())
    rows = _rows(counts)
    legend, top = _legend(colours, TOP)
    largest = max(map(Counter.total, counts.values()), default=1)
    parts = [
        part
        for number, (name, types) in enumerate(rows)
        for part in _row(name, types, top + ROW * number, largest, colours)
    ]
    total = sum(map(Counter.total, counts.values()))
    about = "; ".join(
        f"{name}: " + ", ".join(kinds(type_name, count) for type_name, count in types.most_common(4))
        for name, types in rows[:6]
    )
    title = f"{counted(total, 'device')} by segment and type"
    return picture("composition", top + ROW * len(rows) + 4, title, about, [*legend, *parts])


def _rows(counts: dict[str, Counter[str]]) -> list[tuple[str, Counter[str]]]:
    ordered = sorted(counts.items(), key=lambda one: (-one[1].total(), _in_order(one[0])))
    if len(ordered) <= SEGMENTS_SHOWN:
        return ordered
    rest: Counter[str] = Counter()
    for _, types in ordered[SEGMENTS_SHOWN - 1 :]:
        rest.update(types)
    return [*ordered[: SEGMENTS_SHOWN - 1], (f"{len(ordered) - SEGMENTS_SHOWN + 1:,} more segments", rest)]


def _in_order(name: str) -> str:
    """By number if there is one: 2 before 10."""
    return re.sub(r"\d+", lambda found: found[0].zfill(6), name)


def _colours(counts: Iterable[Counter[str]]) -> dict[str, str]:
    """The most frequent types, each with its color; unknown and other types are grey."""
    sums: Counter[str] = Counter()
    for types in counts:
        sums.update(types)
    named = sorted(
        (type_name for type_name in sums if type_name != "unknown"), key=lambda type_name: (-sums[type_name], type_name)
    )
    found = dict(zip(named[:TYPES_SHOWN], PALETTE, strict=False))
    return found | ({OTHERS: REST} if len(sums) > len(found) else {})


def _legend(colours: dict[str, str], y: float) -> tuple[list[Markup], float]:
    """Its parts, and the vertical position of the bars."""
    parts: list[Markup] = []
    x = 0.0
    for name, colour in colours.items():
        label = "unknown and others" if name == OTHERS else kind(name)
        if x + width_of(label) + 34 > WIDTH:
            x, y = 0.0, y + 18
        parts += [rect(x, y - 10, 11, 11, colour, radius=2), text(x + 16, y, label, colour=FAINT)]
        x += width_of(label) + 34
    return parts, y + 16


def _row(name: str, types: Counter[str], y: float, largest: int, colours: dict[str, str]) -> Sequence[Markup]:
    """A bar longer than the largest segment, which only that of the rest can be, is truncated and marked as broken."""
    scale = (WIDTH - LEFT - RIGHT) / max(largest, types.total())
    parts = [text(LEFT - 10, y + 13, fitting(name, LEFT - 12), anchor="end")]
    x = LEFT
    for type_name, count in _pieces(types, colours):
        width, colour = count * scale, colours[type_name]
        parts.append(rect(x, y, max(width - 1, 0.6), BAR, colour, f"{name}: {kinds(type_name, count)}", radius=1.5))
        if width > width_of(f"{count:,}") + 6:
            parts.append(text(x + width / 2, y + 13, f"{count:,}", colour=on(colour), size=11, anchor="middle"))
        x += width
    if types.total() > largest:
        parts += [stroke([(place, y + BAR + 1), (place + 7, y - 1)], "#ffffff", 3.0) for place in (x - 22, x - 15)]
    return [*parts, text(x + 6, y + 13, f"{types.total():,}", colour=FAINT, bold=True)]


def _pieces(types: Counter[str], colours: dict[str, str]) -> list[tuple[str, int]]:
    """In the order of the legend, so that equal colors are aligned."""
    pieces = [(type_name, types[type_name]) for type_name in colours if types[type_name]]
    rest = sum(count for type_name, count in types.items() if type_name not in colours)
    return [*pieces, (OTHERS, rest)] if rest else pieces
