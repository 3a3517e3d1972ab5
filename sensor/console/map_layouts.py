"""Layouts of the map: an ellipse for wide screens, a column with arcs for narrow ones. Links, attacks and steps of
attack paths between the same nodes have different curves.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, Protocol

from sensor.views.topology import MapNode

Point = tuple[float, float]
Curve = Literal["link", "attack", "step"]


class Label(NamedTuple):
    """``at``: of its anchor; ``anchor``: start, middle or end of the text."""

    at: Point
    anchor: str
    text: str


class Layout(Protocol):
    """``name``: in the class of the picture, for the style sheet; ``size``: width and height."""

    name: str
    size: tuple[int, int]

    def point(self, number: int) -> Point:
        """The place of a node by its number."""

    def bend(self, start: Point, end: Point, curve: Curve) -> Point:
        """The control point of a curve."""

    def radius(self, node: MapNode) -> float:
        """The radius of a node."""

    def label(self, node: MapNode, point: Point) -> Label:
        """The name of a node beside it."""


class Ellipse:
    """Nodes clockwise on an ellipse, the first at the top, in rows of the same height, so that names, which are outside
    of it, do not overlap; links through it.
    """

    name = "on-wide"
    # Space for names; the circle of a large group and its name fit above and below.
    WIDTH, HEIGHT, ROW, ASIDE, ABOVE, LETTERS = 1200, 720, 16, 250, 56, 24

    def __init__(self, count: int) -> None:
        self._rows = max(1.0, count / 2)
        self.size = (self.WIDTH, max(self.HEIGHT, math.ceil(2 * self.ABOVE + self.ROW * self._rows)))

    def point(self, number: int) -> Point:
        row = number / self._rows
        down, side = (row, 1) if row <= 1 else (2 - row, -1)
        x, y = self.size[0] / 2, self.size[1] / 2
        across = math.sqrt(max(0.0, 1 - (2 * down - 1) ** 2))
        return x + side * (x - self.ASIDE) * across, y + (y - self.ABOVE) * (2 * down - 1)

    def bend(self, start: Point, end: Point, curve: Curve) -> Point:
        """Towards the center, so that links between neighbors are not hidden behind nodes; others less so. A share of 2
        is a straight line.
        """
        share = {"link": 4.0, "step": 3.0, "attack": 2.5}[curve]
        x, y = ((one + other) / share for one, other in zip(start, end, strict=True))
        return x + self.size[0] * (0.5 - 1 / share), y + self.size[1] * (0.5 - 1 / share)

    def radius(self, node: MapNode) -> float:
        row = (self.size[1] - 2 * self.ABOVE) / self._rows
        return min(6 + 2.5 * math.log2(1 + node.devices), self.ABOVE - 20, row / 2 - 1)

    def label(self, node: MapNode, point: Point) -> Label:
        (x, y), middle, radius = point, self.size[0] / 2, self.radius(node)
        text = named(node, self.LETTERS)
        if abs(x - middle) < 1:
            return Label((x, y - radius - 6 if y < self.size[1] / 2 else y + radius + 16), "middle", text)
        anchor, shift = ("start", radius + 6) if x > middle else ("end", -radius - 6)
        return Label((x + shift, y + 5), anchor, text)


class Column:
    """Nodes below each other, names at the right, links as arcs at the left."""

    name = "on-narrow"
    WIDTH, ROW, AXIS, LETTERS = 340, 30, 104, 25

    def __init__(self, count: int) -> None:
        self.size = (self.WIDTH, count * self.ROW + 4)

    def point(self, number: int) -> Point:
        return self.AXIS, self.ROW * (number + 0.5) + 2

    def bend(self, start: Point, end: Point, curve: Curve) -> Point:
        """A curve reaches half of the distance to its control point: longer links reach farther, none over the edge."""
        share = {"link": 0.5, "step": 0.44, "attack": 0.38}[curve]
        reach = min(20 + share * abs(start[1] - end[1]), 4 * share * self.AXIS - 16)
        return self.AXIS - reach, (start[1] + end[1]) / 2

    def radius(self, node: MapNode) -> float:
        return min(5 + math.log2(1 + node.devices), self.ROW / 2 - 2)

    def label(self, node: MapNode, point: Point) -> Label:
        return Label((point[0] + self.ROW / 2 + 4, point[1] + 5), "start", named(node, self.LETTERS))


def named(node: MapNode, letters: int) -> str:
    """The name, and the number of devices of a group; together at most so many letters."""
    count = "" if node.device or not node.devices else f" ({node.devices:,})"
    room = letters - len(count)
    return (node.name if len(node.name) <= room else f"{node.name[: room - 1]}…") + count
