"""Cheapest paths: from every node to one goal, by Dial's algorithm (Dijkstra's with a bucket for each cost, 1969), each
bucket processed in bulk.

Costs are small integers, so there are at most ``LIMIT`` buckets, and each edge is visited once. When edges are removed,
only paths over them are searched again (Ramalingam and Reps, 1996).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.posture.paths.costs import LIMIT
from sensor.posture.paths.graph import Graph, Ints, Mask, once


class Tree(NamedTuple):
    """``cost``: from each node to ``goal``, ``LIMIT`` if there is no path; ``edge``: next edge of the cheapest path, -1
    if there is none.
    """

    goal: int
    cost: Ints
    edge: Ints


def search(graph: Graph, goal: int, gone: Mask | None = None) -> Tree:
    """The cheapest paths to a goal, without the removed edges."""
    cost, edge = np.full(graph.nodes, LIMIT, np.int32), np.full(graph.nodes, -1, np.int32)
    cost[goal] = 0
    _settle(graph, cost, edge, np.array([goal]), gone)
    return Tree(goal, cost, edge)


def search_again(graph: Graph, tree: Tree, gone: Mask) -> Tree:
    """The same after edges are removed: exact, and fast if they matter little."""
    lost = _lost(graph, tree, gone)
    cost, edge = np.where(lost, np.int32(LIMIT), tree.cost), np.where(lost, np.int32(-1), tree.edge)
    nodes = np.flatnonzero(lost)
    away = graph.out(nodes)
    away = away[~gone[away]]
    _improve(graph, cost, edge, away, cost[graph.dst[away]] + graph.cost[away])
    _settle(graph, cost, edge, nodes[cost[nodes] < LIMIT], gone)
    return Tree(tree.goal, cost, edge)


def way(graph: Graph, tree: Tree, node: int) -> list[int]:
    """The edges of the cheapest path from a node to the goal."""
    found = []
    while node != tree.goal:
        found.append(int(tree.edge[node]))
        node = int(graph.dst[found[-1]])
    return found


def used(graph: Graph, tree: Tree, sources: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many sources have each node on their cheapest path."""
    count = np.zeros(graph.nodes, np.int64)
    count[sources] = tree.cost[sources] < LIMIT
    order = np.argsort(-tree.cost, kind="stable")
    order = order[(tree.cost[order] < LIMIT) & (tree.edge[order] >= 0)]
    for nodes in np.split(order, np.flatnonzero(np.diff(tree.cost[order])) + 1):
        np.add.at(count, graph.dst[tree.edge[nodes]], count[nodes])
    return count


def _settle(graph: Graph, cost: Ints, edge: Ints, nodes: npt.NDArray[np.int64], gone: Mask | None) -> None:
    """Propagate backwards from nodes whose costs may be final, cheapest first."""
    buckets: list[list[npt.NDArray[np.integer]]] = [[] for _ in range(LIMIT + 1)]
    _sort_in(buckets, nodes, cost)
    for level, bucket in enumerate(buckets):
        if bucket:
            several = once(np.concatenate(bucket))
            back = graph.into(several[cost[several] == level])
            back = back[~gone[back]] if gone is not None else back
            _sort_in(buckets, _improve(graph, cost, edge, back, level + graph.cost[back]), cost)


def _improve(graph: Graph, cost: Ints, edge: Ints, over: npt.NDArray[np.integer], costs: Ints) -> Ints:
    """Relax some edges; returns the nodes that became cheaper."""
    better = np.flatnonzero(costs < cost[graph.src[over]])
    over, costs = over[better], costs[better]
    nodes = graph.src[over]
    np.minimum.at(cost, nodes, costs)
    best = costs == cost[nodes]
    edge[nodes[best]] = over[best]
    return np.asarray(nodes[best], np.int32)


def _sort_in(buckets: list[list[npt.NDArray[np.integer]]], nodes: npt.NDArray[np.integer], cost: Ints) -> None:
    for level in np.flatnonzero(np.bincount(cost[nodes])).tolist():
        buckets[level].append(nodes[cost[nodes] == level])


def _lost(graph: Graph, tree: Tree, gone: Mask) -> Mask:
    """Nodes whose cheapest path uses a removed edge."""
    goes_on = np.flatnonzero(tree.edge >= 0)
    lost = np.zeros(graph.nodes, np.bool_)
    lost[goes_on] = gone[tree.edge[goes_on]]
    after = graph.dst[tree.edge[goes_on]]
    while True:
        more = lost[after] & ~lost[goes_on]
        if not more.any():
            return lost
        lost[goes_on[more]] = True
