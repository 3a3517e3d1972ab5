"""Alternative paths from a node to a goal: the cheapest for each first device, none of which returns to its start."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensor.posture.paths.costs import LIMIT
from sensor.posture.paths.graph import OUTER, Graph, Ints
from sensor.posture.paths.search import Tree, search_again, way

Way = tuple[int, list[int]]


def ways(graph: Graph, tree: Tree, start: int, several: int) -> list[Way]:
    """(cost, edges) of the cheapest paths, cheapest first; at most ``several``."""
    best = way(graph, tree, start)
    found: list[Way] = [(int(tree.cost[start]), best)]
    if several < 2:
        return found
    onward = search_again(graph, tree, graph.dst == start)
    cost, came = _first_hops(graph, start)
    devices = (
        np.delete(np.arange(1, graph.first_segment), start - 1) if start != OUTER else np.arange(1, graph.first_segment)
    )
    total = cost[devices] + onward.cost[devices]
    order = np.argsort(total, kind="stable")
    first = next(int(graph.dst[edge]) for edge in best if graph.is_device(int(graph.dst[edge])))
    for at in order[: several + 1].tolist():
        device = int(devices[at])
        if total[at] < LIMIT and device != first and len(found) < several:
            found.append((int(total[at]), [*_back(graph, came, start, device), *way(graph, onward, device)]))
    return found


def _first_hops(graph: Graph, start: int) -> tuple[Ints, Ints]:
    """Cost of compromising each device directly, and the edge by which each node is reached."""
    cost, came = np.full(graph.nodes, LIMIT, np.int32), np.full(graph.nodes, -1, np.int32)
    cost[start] = 0
    nodes = np.array([start])
    segments = np.arange(graph.first_segment, graph.first_service)
    services = np.arange(graph.first_service, graph.nodes)
    for group in (nodes, segments, services):
        _relax(graph, cost, came, graph.out(group[cost[group] < LIMIT]))
    return cost, came


def _relax(graph: Graph, cost: Ints, came: Ints, over: npt.NDArray[np.integer]) -> None:
    costs = cost[graph.src[over]] + graph.cost[over]
    better = np.flatnonzero(costs < cost[graph.dst[over]])
    over, costs = over[better], costs[better]
    nodes = graph.dst[over]
    np.minimum.at(cost, nodes, costs)
    best = costs == cost[nodes]
    came[nodes[best]] = over[best]


def _back(graph: Graph, came: Ints, start: int, device: int) -> list[int]:
    """The edges from the start to a device."""
    found: list[int] = []
    while device != start:
        found.append(int(came[device]))
        device = int(graph.src[found[-1]])
    return found[::-1]
