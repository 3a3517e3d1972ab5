"""An incident as SVG: a row for each host, and for each step, in order of time, an arrow from the actor to its targets.
Rendered on the server, without scripts or styles; a table on the same page has the same content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from sensor.core.phrases import counted
from sensor.views.incident_steps import IncidentStep, StepHost

# Hosts with the same role in the same steps share a row if there are at least so many; rows of a picture.
ALIKE, ROWS = 4, 50
# Steps of a picture on narrow screens: the following ones have another picture.
NARROW_STEPS = 10
# On narrow screens: from a row up to its name, so that the name hides no head of an arrow; width of a letter.
ABOVE, LETTER = 13, 7.0
_FRAME = Markup('<svg class="steps {0}" viewBox="0 0 {1:.0f} {2}" role="group" aria-label="{3}">{4}{5}{6}</svg>')
_ROW = Markup('<path class="row" d="M{:.0f} {:.0f} H{:.0f}"></path>')
# Between a name and the lines that cross it.
_BEHIND = Markup('<rect class="behind" x="0" y="{:.0f}" width="{:.0f}" height="16"></rect>')
_NAME = Markup('<text class="name" x="{:.0f}" y="{:.0f}"><title>{}</title>{}</text>')
_LINK = Markup('<a href="{}">{}</a>')
_STEP = Markup(
    '<a href="{0}"><g class="step {1}"><title>{2}</title><text x="{3:.0f}" y="14" text-anchor="middle">{4}</text>'
    '<path class="line" d="M{3:.0f} {5:.0f} V{6:.0f}"></path>{7}</g></a>'
)
_ACTOR = Markup('<circle cx="{:.0f}" cy="{:.0f}" r="5"></circle>')
_HEAD = Markup('<path class="head" d="M{:.0f} {:.0f} l-5 {} h10 z"></path>')
UrlOf = Callable[[str, str], str]


class _Lane(NamedTuple):
    """A row. ``hosts``: those that it shows."""

    label: str
    hosts: Sequence[StepHost]


class _Layout(NamedTuple):
    """``aside``: width of the names, 0: they are above their rows; ``letters``: of a name; ``step``: most width of a
    step; ``row``: height of a row; ``steps``: of a picture.
    """

    name: str
    width: int
    aside: int
    letters: int
    step: int
    row: int
    steps: int


_WIDE = _Layout("on-wide", 1100, 262, 32, 110, 26, 1 << 16)
_NARROW = _Layout("on-narrow", 340, 0, 42, 64, 36, NARROW_STEPS)
# Space above the rows for the numbers of the steps.
_TOP = 22


def incident_drawing(steps: Sequence[IncidentStep], url_of: UrlOf) -> Markup | None:
    """The pictures for wide and for narrow screens, of which the style sheet shows one; None if no host is known.
    ``url_of``: target of a link, by ``alerts`` or ``devices`` and the id.
    """
    shown = [step for step in steps if step.actor is not None]
    if not shown:
        return None
    return Markup("").join(
        _drawn(shown[first : first + layout.steps], layout, url_of)
        for layout in (_WIDE, _NARROW)
        for first in range(0, len(shown), layout.steps)
    )


def between(step: IncidentStep) -> str:
    """``tp-lab → fs01`` or ``tp-lab → 40 hosts``; unknown if the alert is not stored."""
    if step.actor is None:
        return "hosts unknown" if not step.known else ""
    others = [host for host in step.targets if host != step.actor]
    target = counted(len(others), "host") if len(others) > 1 else _label(others[0]) if others else ""
    return " → ".join(filter(None, (_label(step.actor), target)))


def _drawn(steps: Sequence[IncidentStep], layout: _Layout, url_of: UrlOf) -> Markup:
    lanes = _lanes(steps)
    places = {host.id: number for number, lane in enumerate(lanes) for host in lane.hosts}
    step = min(layout.step, (layout.width - layout.aside - 20) / len(steps))
    end = layout.aside + 20 + step * len(steps)
    height = _TOP + layout.row * len(lanes) + 4
    rows = Markup("").join(_ROW.format(layout.aside, _down(place, layout), end) for place in range(len(lanes)))
    arrows = Markup("").join(
        _arrow(one, layout.aside + 10 + step * (place + 0.5), places, layout, url_of) for place, one in enumerate(steps)
    )
    # Above the arrows, which cross the names on narrow screens.
    names = Markup("").join(_name(lane, _down(place, layout), layout, url_of) for place, lane in enumerate(lanes))
    label = f"{counted(len(steps), 'step')} of the incident between {counted(len(places), 'host')}"
    return _FRAME.format(layout.name, layout.width, height, f"{label}; the table below lists them", rows, arrows, names)


def _down(place: int, layout: _Layout) -> float:
    """The height at which a row is."""
    return _TOP + layout.row * (place + 1) - (layout.row / 2 if layout.aside else 8)


def _lanes(steps: Sequence[IncidentStep]) -> list[_Lane]:
    """The rows in order of first appearance; excess hosts have the last one together."""
    hosts: dict[str, StepHost] = {}
    parts: dict[str, list[tuple[int, bool]]] = {}
    for step in steps:
        for host, acts in ((step.actor, True), *((target, False) for target in step.targets)):
            if host is not None:
                hosts.setdefault(host.id, host)
                parts.setdefault(host.id, []).append((step.number, acts))
    alike: dict[tuple[tuple[int, bool], ...], list[StepHost]] = {}
    for name, part in parts.items():
        alike.setdefault(tuple(part), []).append(hosts[name])
    lanes = [lane for some in alike.values() for lane in _of_hosts(some)]
    excess = [host for lane in lanes[ROWS - 1 :] for host in lane.hosts] if len(lanes) > ROWS else []
    return [*lanes[: ROWS - 1], _Lane(counted(len(excess), "other host"), excess)] if excess else lanes


def _of_hosts(hosts: Sequence[StepHost]) -> Iterator[_Lane]:
    if len(hosts) >= ALIKE:
        yield _Lane(f"{len(hosts)} hosts: {', '.join(map(_label, hosts))}", hosts)
    else:
        yield from (_Lane(_label(host), [host]) for host in hosts)


def _label(host: StepHost) -> str:
    return host.name or host.address


def _name(lane: _Lane, down: float, layout: _Layout, url_of: UrlOf) -> Markup:
    title = ", ".join(f"{host.name} ({host.address})" if host.name else host.address for host in lane.hosts)
    text = lane.label if len(lane.label) <= layout.letters else f"{lane.label[: layout.letters - 1]}…"
    name = _NAME.format(0, down + 5 if layout.aside else down - ABOVE, title, text)
    if len(lane.hosts) == 1 and lane.hosts[0].device:
        name = _LINK.format(url_of("devices", lane.hosts[0].device), name)
    return name if layout.aside else _BEHIND.format(down - ABOVE - 12, LETTER * len(text) + 4) + name


def _arrow(step: IncidentStep, across: float, places: dict[str, int], layout: _Layout, url_of: UrlOf) -> Markup:
    assert step.actor is not None  # noqa: S101 steps without an actor are not drawn
    begin = _down(places[step.actor.id], layout)
    ends = sorted({_down(places[host.id], layout) for host in step.targets if host.id != step.actor.id})
    title = f"{step.number}. {between(step)}: {step.summary}{_in_brackets(step.techniques)}"
    marks = _ACTOR.format(across, begin) + Markup("").join(_heads(across, begin, ends))
    lines = [begin, *ends]
    return _STEP.format(
        url_of("alerts", step.alert), step.severity, title, across, step.number, min(lines), max(lines), marks
    )


def _heads(across: float, begin: float, ends: Iterable[float]) -> Iterator[Markup]:
    """Arrow heads that point away from the actor; hosts of its own row are in its circle."""
    for end in ends:
        if end != begin:
            yield _HEAD.format(across, end, "-9" if end > begin else "9")


def _in_brackets(techniques: Sequence[str]) -> str:
    return f" ({', '.join(techniques)})" if techniques else ""
