"""The map as SVG: nodes, links and attacks between them, and steps of attack paths. Rendered on the server, without
scripts or styles; tables on the same page have the same content.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from markupsafe import Markup

from sensor.console.map_layouts import Column, Curve, Ellipse, Layout, Point
from sensor.core.phrases import counted
from sensor.views.attacks import MapAttack
from sensor.views.topology import ADDRESSES, MapLink, MapNode, MapStep, Topology

_FRAME = Markup('<svg class="map {0}" viewBox="0 0 {1} {2}" role="group" aria-label="{3}">{4}{5}{6}{7}{8}</svg>')
# ``{}``: kind of the curve, and layout, as two pictures of a page cannot have the same ids.
_ARROW = Markup(
    '<marker id="{0}-{1}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="14" markerHeight="14" orient="auto" '
    'markerUnits="userSpaceOnUse"><path class="arrow {0}" d="M0 0 L10 5 L0 10 z"></path></marker>'
)
_DEFINED = Markup("<defs>{}</defs>")
_STEP = Markup(
    '<path class="step{}" d="M{:.0f} {:.0f} Q{:.0f} {:.0f} {:.0f} {:.0f}" marker-end="url(#path-{})"><title>{}</title>'
    "</path>"
)
_ATTACK = Markup(
    '<a href="{0}"><path class="attack {1}" d="M{2:.0f} {3:.0f} Q{4:.0f} {5:.0f} {6:.0f} {7:.0f}" '
    'marker-end="url(#{1}-{8})"><title>{9}</title></path></a>'
)
_LINK = Markup(
    '<path class="link" d="M{:.0f} {:.0f} Q{:.0f} {:.0f} {:.0f} {:.0f}" stroke-width="{:.1f}"><title>{}</title></path>'
)
_NODE = Markup(
    '<a href="{}"><circle class="{}" cx="{:.0f}" cy="{:.0f}" r="{:.1f}"><title>{}</title></circle>'
    '<text x="{:.0f}" y="{:.0f}" text-anchor="{}">{}</text></a>'
)


class Urls(NamedTuple):
    """Targets of the links on a node and on an attack."""

    node: Callable[[MapNode], str]
    attack: Callable[[MapAttack], str]


def drawing(topology: Topology, urls: Urls) -> Markup:
    """The map for wide and for narrow screens, of which the style sheet shows one."""
    count = len(topology.nodes)
    return Markup("").join(_drawn(topology, urls, layout) for layout in (Ellipse(count), Column(count)))


def described(node: MapNode) -> str:
    """A short description of a node."""
    one = ("address", "addresses") if node.id == ADDRESSES else ("device", "devices")
    about = counted(node.devices, *one) if node.devices else "external hosts"
    alert = f", {node.severity} alert" if node.severity else ""
    return f"{node.name}{'' if node.device else f': {about}'}{alert}"


def titled(attack: MapAttack) -> str:
    """The number of open alerts between two nodes, and the titles of the most severe ones."""
    titles = dict.fromkeys(alert.title for alert in attack.named)
    return f"{counted(attack.alerts, 'open alert')}, {attack.severity}: {'; '.join(titles)}"


class _Places(NamedTuple):
    """The nodes by their ids, and their places in a layout."""

    nodes: Mapping[str, MapNode]
    points: Mapping[str, Point]
    layout: Layout

    def curve(self, source: str, target: str, kind: Curve) -> tuple[float, ...]:
        """Start, control point and end; an arrow ends at the edge of its target."""
        start, end = self.points[source], self.points[target]
        bend = self.layout.bend(start, end, kind)
        if kind != "link":
            length, radius = math.dist(bend, end), self.layout.radius(self.nodes[target]) + 1
            share = max(0.0, 1 - radius / length) if length else 0.0
            end = bend[0] + share * (end[0] - bend[0]), bend[1] + share * (end[1] - bend[1])
        return (*start, *bend, *end)

    def title(self, source: str, target: str, text: str) -> str:
        return f"{self.nodes[source].name} → {self.nodes[target].name}, {text}"


def _drawn(topology: Topology, urls: Urls, layout: Layout) -> Markup:
    points = {node.id: layout.point(number) for number, node in enumerate(topology.nodes)}
    places = _Places({node.id: node for node in topology.nodes}, points, layout)
    pairs = topology.attacks.pairs if topology.attacks is not None else []
    parts = (
        (_link(one, places) for one in topology.links if one.client != one.server),
        (_step(one, places) for one in topology.steps if one.source != one.target),
        # The most severe are above the others.
        (_attack(one, places, urls) for one in reversed(pairs) if one.source != one.target),
        (_node(one, points[one.id], urls.node(one), layout) for one in topology.nodes),
    )
    label = f"map of {topology.devices} devices and {topology.conversations} conversations; tables below list its lines"
    kinds = [*(["path"] if topology.steps else []), *sorted({one.severity for one in pairs})]
    arrows = Markup("").join(_ARROW.format(kind, layout.name) for kind in kinds)
    defined = _DEFINED.format(arrows) if kinds else ""
    return _FRAME.format(layout.name, *layout.size, label, defined, *(Markup("").join(one) for one in parts))


def _attack(one: MapAttack, places: _Places, urls: Urls) -> Markup:
    curve, title = places.curve(one.source, one.target, "attack"), places.title(one.source, one.target, titled(one))
    return _ATTACK.format(urls.attack(one), one.severity, *curve, places.layout.name, title)


def _step(one: MapStep, places: _Places) -> Markup:
    title = places.title(one.source, one.target, f"step of an attack path: {one.service}, cost {one.cost}")
    curve = places.curve(one.source, one.target, "step")
    return _STEP.format(" assumed" if one.assumed else "", *curve, places.layout.name, title)


def _link(one: MapLink, places: _Places) -> Markup:
    what = f"{counted(one.conversations, 'conversation')}: {', '.join(one.services)}"
    curve = places.curve(one.client, one.server, "link")
    return _LINK.format(*curve, 1 + math.log2(one.conversations), places.title(one.client, one.server, what))


def _node(node: MapNode, point: Point, url: str, layout: Layout) -> Markup:
    label = layout.label(node, point)
    kind = node.severity or ("device" if node.device else "group")
    return _NODE.format(url, kind, *point, layout.radius(node), described(node), *label.at, label.anchor, label.text)
