"""The map as SVG: nodes on an ellipse, links between them. Rendered on the server, without scripts or styles; a table
on the same page has the same content.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from markupsafe import Markup

from sensor.views.topology import MapLink, MapNode, MapStep, Topology

WIDTH, HEIGHT, ASIDE = 1200, 720, 230
LABEL = 26
_FRAME = Markup('<svg class="map" viewBox="0 0 {} {}" role="group" aria-label="{}">{}{}{}{}</svg>')
_ARROW = Markup(
    '<defs><marker id="arrow" viewBox="0 0 10 10" refX="18" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="arrow" d="M0 0 L10 5 L0 10 z"></path></marker></defs>'
)
_STEP = Markup(
    '<path class="step{}" d="M{:.0f} {:.0f} Q{:.0f} {:.0f} {:.0f} {:.0f}" marker-end="url(#arrow)"><title>{}</title>'
    "</path>"
)
_LINK = Markup(
    '<path class="link" d="M{:.0f} {:.0f} Q{:.0f} {:.0f} {:.0f} {:.0f}" stroke-width="{:.1f}"><title>{}</title></path>'
)
_NODE = Markup(
    '<a href="{}"><circle class="{}" cx="{:.0f}" cy="{:.0f}" r="{:.1f}"><title>{}</title></circle>'
    '<text x="{:.0f}" y="{:.0f}" text-anchor="{}">{}</text></a>'
)
Point = tuple[float, float]


def drawing(topology: Topology, url_of: Callable[[MapNode], str]) -> Markup:
    """The map. ``url_of``: target of the link on a node."""
    count = len(topology.nodes)
    points = {node.id: _place(number, count) for number, node in enumerate(topology.nodes)}
    names = {node.id: node.name for node in topology.nodes}
    links = Markup("").join(_link(link, points, names) for link in topology.links if link.client != link.server)
    nodes = Markup("").join(_node(node, points[node.id], url_of(node)) for node in topology.nodes)
    steps = Markup("").join(_step(step, points, names) for step in topology.steps if step.source != step.target)
    label = f"map of {topology.devices} devices and {topology.conversations} conversations; the table below lists them"
    return _FRAME.format(WIDTH, HEIGHT, label, _ARROW if steps else "", links, steps, nodes)


def described(node: MapNode) -> str:
    """A short description of a node."""
    about = f"{node.devices:,} device{'s' if node.devices != 1 else ''}" if node.devices else "external hosts"
    alert = f", {node.severity} alert" if node.severity else ""
    return f"{node.name}{'' if node.device else f': {about}'}{alert}"


def _place(number: int, count: int) -> Point:
    """A position on the ellipse, the first at the top, clockwise."""
    angle = 2 * math.pi * number / count - math.pi / 2
    return WIDTH / 2 + (WIDTH / 2 - ASIDE) * math.cos(angle), HEIGHT / 2 + (HEIGHT / 2 - 40) * math.sin(angle)


def _step(step: MapStep, points: dict[str, Point], names: dict[str, str]) -> Markup:
    (x1, y1), (x2, y2) = points[step.source], points[step.target]
    bend_x, bend_y = (x1 + x2) / 3 + WIDTH / 6, (y1 + y2) / 3 + HEIGHT / 6
    title = f"{names[step.source]} → {names[step.target]}, step of an attack path: {step.service}, cost {step.cost}"
    return _STEP.format(" assumed" if step.assumed else "", x1, y1, bend_x, bend_y, x2, y2, title)


def _link(link: MapLink, points: dict[str, Point], names: dict[str, str]) -> Markup:
    (x1, y1), (x2, y2) = points[link.client], points[link.server]
    # Curved towards the centre, so that links between neighbors are not hidden behind nodes.
    bend_x, bend_y = (x1 + x2) / 4 + WIDTH / 4, (y1 + y2) / 4 + HEIGHT / 4
    what = f"{link.conversations:,} conversation{'s' if link.conversations != 1 else ''}: {', '.join(link.services)}"
    title = f"{names[link.client]} → {names[link.server]}, {what}"
    return _LINK.format(x1, y1, bend_x, bend_y, x2, y2, 1 + math.log2(link.conversations), title)


def _node(node: MapNode, point: Point, url: str) -> Markup:
    x, y = point
    radius = 6 + 2.5 * math.log2(1 + node.devices)
    side = "middle" if abs(x - WIDTH / 2) < 1 else "start" if x > WIDTH / 2 else "end"
    shift = {"middle": 0.0, "start": radius + 6, "end": -radius - 6}[side]
    name = node.name if len(node.name) <= LABEL else f"{node.name[: LABEL - 1]}…"
    text = name if node.device or not node.devices else f"{name} ({node.devices:,})"
    rise = -radius - 6 if side == "middle" and y < HEIGHT / 2 else radius + 16 if side == "middle" else 5.0
    kind = node.severity or ("device" if node.device else "group")
    return _NODE.format(url, kind, x, y, radius, described(node), x + shift, y + rise, side, text)
