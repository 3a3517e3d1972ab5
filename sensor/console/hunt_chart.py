"""The result of a query as a bar chart in SVG, rendered on the server: one bar for each of the first rows. On narrow
screens, labels are above the bars.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from sensor.core.reader import clean

BARS, LABEL = 25, 28
WIDTH, ROW, END = 720, 22, 90
# Widths of letters: capitals and digits are wider than others.
LETTER, WIDE_LETTER = 7.2, 8.6
# Height of a bar below its label.
BELOW = 8
# Types of DuckDB whose values are numbers.
NUMBERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|REAL|DECIMAL.*")
_FRAME = Markup('<svg class="bars on-wide" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
# Without a view box, texts keep their size on any screen; lengths of bars are shares of its width.
_NARROW = Markup('<svg class="bars on-narrow" height="{}" role="img" aria-label="{}">{}</svg>')
_BAR = Markup(
    '<g><title>{}: {}</title><text x="{}" y="{:.0f}" text-anchor="end">{}</text><rect x="{}" y="{:.0f}" width="{:.1f}"'
    ' height="{}"/><text class="value" x="{:.1f}" y="{:.0f}">{}</text></g>'
)
_NARROW_BAR = Markup(
    '<g><title>{0}: {1}</title><text x="0" y="{2}">{3}</text><text class="value" x="100%" y="{2}" text-anchor="end">{1}'
    '</text><rect x="0" y="{4}" width="{5:.1f}%" height="{6}"/></g>'
)


class Chart(NamedTuple):
    """``shown``: number of rows in the picture; ``label`` and ``value``: the columns."""

    picture: Markup
    shown: int
    label: str
    value: str


class _Shown(NamedTuple):
    """A row of the picture. ``label``: the beginning of its name, on wide screens; ``number``: its value as text."""

    label: str
    name: str
    value: float | None
    number: str


def number_text(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def chart_of(
    columns: Sequence[str],
    types: Sequence[str],
    rows: Sequence[Sequence[Any]],
    text_of: Callable[[float], str] = number_text,
    label_width: int = LABEL,
) -> Chart | None:
    """The last column with numbers, labeled by the first other column; None if the result has no such columns, no
    rows, or negative numbers. ``text_of`` a number; ``label_width``: of wide pictures, in letters.
    """
    numeric = [place for place, kind in enumerate(types) if NUMBERS.fullmatch(kind)]
    named = [place for place in range(len(columns)) if place not in numeric]
    if not numeric or not named or not rows:
        return None
    label, value = named[0], numeric[-1]
    values = [(_text(row[label]), None if row[value] is None else float(row[value])) for row in rows[:BARS]]
    sizes = [size for _, size in values if size is not None]
    most = max(sizes, default=0.0)
    if most <= 0 or min(sizes) < 0:
        return None
    shown = [_Shown(_short(name, label_width), name, size, _number(size, text_of)) for name, size in values]
    aside = int(max(_width(one.label) for one in shown)) + 18
    bars = Markup("").join(_bar(place, one, most, aside) for place, one in enumerate(shown))
    about = f"{columns[value]} by {columns[label]}, {len(values)} rows; the table below has all"
    narrow = Markup("").join(_narrow_bar(place, one, most) for place, one in enumerate(shown))
    picture = _FRAME.format(WIDTH, len(values) * ROW + 4, about, bars)
    picture += _NARROW.format(len(values) * (ROW + BELOW), about, narrow)
    return Chart(picture, len(values), columns[label], columns[value])


def _bar(place: int, one: _Shown, most: float, aside: int) -> Markup:
    """``aside``: width of the labels. A value of None has no bar: it is not 0."""
    top, length = place * ROW + 2, 0.0 if one.value is None else max(one.value / most * (WIDTH - aside - END), 1.0)
    base, end = top + ROW - 7, aside + length + 6
    return _BAR.format(
        one.name, one.number, aside - 8, base, one.label, aside, top, length, ROW - 4, end, base, one.number
    )


def _narrow_bar(place: int, one: _Shown, most: float) -> Markup:
    top, share = place * (ROW + BELOW), 0.0 if one.value is None else max(one.value / most * 100, 0.5)
    return _NARROW_BAR.format(one.name, one.number, top + ROW - 6, _short(one.name, LABEL), top + ROW - 2, share, BELOW)


def _width(label: str) -> float:
    wide = sum(letter.isupper() or letter.isdigit() for letter in label)
    return wide * WIDE_LETTER + (len(label) - wide) * LETTER


def _short(label: str, width: int) -> str:
    return label if len(label) <= width else f"{label[: width - 1]}…"


def _number(value: float | None, text_of: Callable[[float], str]) -> str:
    return "none" if value is None else text_of(value)


def _text(value: object) -> str:
    return clean(str(value)) if value is not None else "none"
