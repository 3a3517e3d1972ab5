"""Layouts of the map: everything is inside the picture, whatever the names and the number of nodes."""

from __future__ import annotations

import itertools
import math
import re
from typing import get_args

import pytest

from sensor.console.drawing import Urls, drawing
from sensor.console.map_layouts import Column, Curve, Ellipse, Layout, named
from sensor.views.attacks import AttackAlert, Attacks, MapAttack
from sensor.views.topology import MapNode, Topology

# Letters of a name: width, and height above and below the line that they stand on.
LETTER, HIGH, DEEP = 7.0, 11.0, 3.0


def node(name: str = "camera", devices: int = 3, device: str = "") -> MapNode:
    return MapNode(name, name, device, devices, "")


@pytest.mark.parametrize("count", [1, 2, 3, 40, 161])
@pytest.mark.parametrize("kind", [Ellipse, Column])
def test_nodes_links_and_names_are_inside(kind: type[Ellipse | Column], count: int) -> None:
    """With the longest names, the largest groups and links between all distances. A curve is inside the triangle of
    its ends and half of the way to its control point.
    """
    layout: Layout = kind(count)
    width, height = layout.size
    points = [layout.point(number) for number in range(count)]
    big = node("m" * 300, 1_000_000)
    for point in points:
        radius, label = layout.radius(big), layout.label(big, point)
        assert radius <= point[0] <= width - radius
        assert radius <= point[1] <= height - radius
        assert HIGH <= label.at[1] <= height - DEEP
        length = LETTER * len(label.text)
        left = label.at[0] - {"start": 0.0, "middle": length / 2, "end": length}[label.anchor]
        assert 0 <= left <= left + length <= width
    for end in points[1:]:
        for curve in get_args(Curve):
            bend = layout.bend(points[0], end, curve)
            middle = [(one + other) / 2 for one, other in zip(points[0], end, strict=True)]
            assert 0 <= (bend[0] + middle[0]) / 2 <= width
            assert 0 <= (bend[1] + middle[1]) / 2 <= height


@pytest.mark.parametrize("count", [2, 9, 48, 128])
def test_names_on_the_ellipse_do_not_overlap(count: int) -> None:
    """Neither with each other nor their circles, also around an opened group of 120 devices."""
    layout = Ellipse(count)
    big = node("m" * 300, 1_000_000)
    points = [layout.point(number) for number in range(count)]
    for one, other in itertools.pairwise(points):
        assert math.dist(one, other) >= 2 * layout.radius(big)
    for side in ("start", "end"):
        rows = sorted(y for (_, y), anchor, _ in (layout.label(big, point) for point in points) if anchor == side)
        assert all(below - above >= HIGH + DEEP for above, below in itertools.pairwise(rows))


@pytest.mark.parametrize("members", [1, 57, 1_000_000])
def test_an_arrow_ends_at_the_edge_of_its_target(members: int) -> None:
    """Of a device and of a large group, whose circle would cover it, on wide and on narrow screens."""
    alert = AttackAlert("alert-a", "high", "Port scan")
    attacks = Attacks([MapAttack("lab", "many", "high", 1, [alert])], 1, 0, 0)
    nodes = [node("lab", 1, "dev-a"), node("many", members), node("other")]
    drawn = drawing(Topology(nodes, [], 2, 0, 0, [], attacks), Urls(lambda _: "/", lambda _: "/"))
    arrows = re.findall(r'class="attack high" d="M\S+ \S+ Q\S+ \S+ (\S+) (\S+)"', drawn)
    assert len(arrows) == 2
    for (x, y), layout in zip(arrows, (Ellipse(3), Column(3)), strict=True):
        distance = math.dist((float(x), float(y)), layout.point(1))
        assert distance == pytest.approx(layout.radius(nodes[1]) + 1, abs=1)


def test_nodes_of_a_column_do_not_touch() -> None:
    """Rows are high enough for a finger, also for groups of a million devices."""
    layout = Column(3)
    assert layout.point(1)[1] - layout.point(0)[1] >= 2 * layout.radius(node("x", 1_000_000)) + 2


def test_a_long_name_is_shortened_and_keeps_its_number() -> None:
    assert named(node("conferencing system", 1234), 15) == "confer… (1,234)"
    assert named(node("camera", 1), 15) == "camera (1)"
    assert named(node("front-door", 1, "dev-1"), 15) == "front-door"
    assert named(node("internet", 0), 15) == "internet"
