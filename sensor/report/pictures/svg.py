"""SVG shapes for pictures. All text is escaped, and each picture has a title and a description for screen readers.

Colors are distinguishable with color vision deficiencies (Okabe and Ito, 2008), severities by lightness as well, so
that they remain distinct in grey print. Colors of text are also classes, for which the style of the page has dark
variants.
"""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

WIDTH, SIZE = 720.0, 12.0
# Mean width of a character, relative to the font size.
LETTER = 0.56
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c7a2b", "#5b5ea6")
REST = "#9aa3ab"
SEVERITY = {"info": "#d3dae1", "low": "#f0cf65", "medium": "#e08a2c", "high": "#c0392b", "critical": "#6b1220"}
BANDS = {"low": "#3b8f7c", "medium": "#e0a030", "high": "#b83227"}
INK, FAINT, LINE = "#1d2730", "#5c6873", "#d5dbe0"
_CLASSES = {INK: "ink", FAINT: "faint", LINE: "line"} | {colour: f"s-{name}" for name, colour in SEVERITY.items()}


def picture(name: str, height: float, title: str, about: str, parts: Iterable[Markup], width: float = WIDTH) -> Markup:
    """The complete picture. ``name``: its id on the page."""
    head = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="picture" viewBox="0 0 {:g} {:g}" width="{:g}" '
        'height="{:g}" role="img"'
    ).format(width, height, width, height)
    label = Markup(
        ' aria-labelledby="{0}-title {0}-about"><title id="{0}-title">{1}</title><desc id="{0}-about">{2}</desc>'
    ).format(name, title, about)
    return head + label + Markup("").join(parts) + Markup("</svg>")


def rect(x: float, y: float, width: float, height: float, colour: str, tip: str = "", radius: float = 0.0) -> Markup:
    """``tip``: its meaning, shown under the pointer."""
    shape = Markup(
        '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="{:g}" class="{}" fill="{}">{}</rect>'
    )
    return shape.format(x, y, width, height, radius, _CLASSES.get(colour, ""), colour, _tip(tip))


def path(way: str, colour: str, tip: str = "", opacity: float = 1.0) -> Markup:
    """A filled shape."""
    return Markup('<path d="{}" fill="{}" fill-opacity="{:g}">{}</path>').format(way, colour, opacity, _tip(tip))


def stroke(points: Iterable[tuple[float, float]], colour: str = LINE, width: float = 1.0) -> Markup:
    """A line through points."""
    way = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Markup('<polyline points="{}" fill="none" stroke="{}" stroke-width="{:g}"/>').format(way, colour, width)


def circle(x: float, y: float, radius: float, colour: str, tip: str = "") -> Markup:
    return Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{:.1f}" fill="{}">{}</circle>').format(
        x, y, radius, colour, _tip(tip)
    )


def text(
    x: float, y: float, label: str, *, colour: str = INK, size: float = SIZE, anchor: str = "start", bold: bool = False
) -> Markup:
    """``anchor``: start, middle or end: the part of the text at the position."""
    shape = Markup('<text x="{:.1f}" y="{:.1f}" class="{}" fill="{}" font-size="{:g}" text-anchor="{}"{}>{}</text>')
    weight = Markup(' font-weight="bold"') if bold else Markup("")
    return shape.format(x, y, _CLASSES.get(colour, ""), colour, size, anchor, weight, label)


def fitting(label: str, width: float, size: float = SIZE) -> str:
    """As much of a text as fits."""
    room = int(width / (LETTER * size))
    return label if len(label) <= room else f"{label[: room - 1].rstrip()}…" if room > 1 else ""


def width_of(label: str, size: float = SIZE) -> float:
    return len(label) * LETTER * size


def on(colour: str) -> str:
    """Black or white, whichever has more contrast with a color (WCAG 2.1, relative luminance)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return "#ffffff" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.25 else "#101418"


def _tip(label: str) -> Markup:
    return Markup("<title>{}</title>").format(label) if label else Markup("")
