"""The map as SVG: nodes, links between them and steps of attack paths. Rendered on the server, without scripts or
styles; a table on the same page has the same content.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from markupsafe import Markup

from sensor.console.map_layouts import Column, Ellipse, Layout, Point
from sensor.core.phrases import counted
from sensor.views.topology import MapLink, MapNode, MapStep, Topology

_FRAME = Markup('<svg class="map {0}" viewBox="0 0 {1} {2}" role="group" aria-label="{3}">{4}{5}{6}{7}</svg>')
_ARROW = Markup(
    '<defs><marker id="arrow-{}" viewBox="0 0 10 10" refX="18" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="arrow" d="M0 0 L10 5 L0 10 z"></path></marker></defs>'
)
_STEP = Markup(
    '<path class="step{}" d="M{:.0f} {:.0f} Q{:.0f} {:.0f} {:.0f} {:.0f}" marker-end="url(#arrow-{})"><title>{}</title>'
    "</path>"
)
_LINK = Markup(
    '<path class="link" d="M{:.0f} {:.0f} Q{:.0f} {:.0f} {:.0f} {:.0f}" stroke-width="{:.1f}"><title>{}</title></path>'
)
_NODE = Markup(
    '<a href="{}"><circle class="{}" cx="{:.0f}" cy="{:.0f}" r="{:.1f}"><title>{}</title></circle>'
    '<text x="{:.0f}" y="{:.0f}" text-anchor="{}">{}</text></a>'
)
UrlOf = Callable[[MapNode], str]


def drawing(topology: Topology, url_of: UrlOf) -> Markup:
    """The map for wide and for narrow screens, of which the style sheet shows one. ``url_of``: target of the link on a
    node.
    """
    count = len(topology.nodes)
    return Markup("").join(_drawn(topology, url_of, layout) for layout in (Ellipse(count), Column(count)))


def described(node: MapNode) -> str:
    """A short description of a node."""
    about = counted(node.devices, "device") if node.devices else "external hosts"
    alert = f", {node.severity} alert" if node.severity else ""
    return f"{node.name}{'' if node.device else f': {about}'}{alert}"


def _drawn(topology: Topology, url_of: UrlOf, layout: Layout) -> Markup:
    points = {node.id: layout.point(number) for number, node in enumerate(topology.nodes)}
    names = {node.id: node.name for node in topology.nodes}
    links = (_link(one, points, names, layout) for one in topology.links if one.client != one.server)
    nodes = (_node(one, points[one.id], url_of(one), layout) for one in topology.nodes)
    steps = (_step(one, points, names, layout) for one in topology.steps if one.source != one.target)
    label = f"map of {topology.devices} devices and {topology.conversations} conversations; the table below lists them"
    return _FRAME.format(
        layout.name,
        *layout.size,
        label,
        _ARROW.format(layout.name) if topology.steps else "",
        *(Markup("").join(one) for one in (links, steps, nodes)),
    )


def _step(step: MapStep, points: dict[str, Point], names: dict[str, str], layout: Layout) -> Markup:
    start, end = points[step.source], points[step.target]
    curve = (*start, *layout.bend(start, end, step=True), *end)
    title = f"{names[step.source]} → {names[step.target]}, step of an attack path: {step.service}, cost {step.cost}"
    return _STEP.format(" assumed" if step.assumed else "", *curve, layout.name, title)


def _link(link: MapLink, points: dict[str, Point], names: dict[str, str], layout: Layout) -> Markup:
    start, end = points[link.client], points[link.server]
    curve = (*start, *layout.bend(start, end, step=False), *end)
    what = f"{counted(link.conversations, 'conversation')}: {', '.join(link.services)}"
    title = f"{names[link.client]} → {names[link.server]}, {what}"
    return _LINK.format(*curve, 1 + math.log2(link.conversations), title)


def _node(node: MapNode, point: Point, url: str, layout: Layout) -> Markup:
    label = layout.label(node, point)
    kind = node.severity or ("device" if node.device else "group")
    return _NODE.format(url, kind, *point, layout.radius(node), described(node), *label.at, label.anchor, label.text)
