"""Attack paths of a site: from the internet and from fixed-function devices to critical devices, hop by hop, and what
breaks most of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.inventory.habits import OUTSIDE
from sensor.posture.paths.alternatives import ways
from sensor.posture.paths.breaks import Break, breaks
from sensor.posture.paths.build import Map, build
from sensor.posture.paths.costs import LIMIT, STARTS, Kind
from sensor.posture.paths.graph import OUTER
from sensor.posture.paths.hops import Hop, hops_of
from sensor.posture.paths.search import Tree, search
from sensor.posture.site import Node, Site

# Limits of goals and of reported paths, and of alternatives with another first hop.
GOALS_LIMIT, PATHS_LIMIT, WAYS = 24, 100, 3
IMPORTANT = ("critical", "high")
MARKED = "marked critical or high"
CONTROLLER = "domain controllers by their services, as no device is marked critical or high"
SERVER = "servers by their type, as no device is marked critical or high"
REQUESTED, NO_GOAL = "as requested", "no device is marked critical or high, and there is no server"


class Path(NamedTuple):
    """From a device, or ``outside``, to a device, by their ids. ``sources``: all with the same path at the same cost,
    of which the first is reported; ``others``: the best paths of the first that begin with another hop.
    """

    sources: tuple[str, ...]
    goal: str
    cost: int
    hops: tuple[Hop, ...]
    others: tuple[Path, ...] = ()


class Paths(NamedTuple):
    """``goals`` and ``sources``: ids; ``chosen``: why these are the goals; ``more_goals``: number over the limit;
    ``pairs``: of source and goal with a path; ``paths``: the cheapest, at most ``PATHS_LIMIT`` of ``ways``; ``breaks``:
    what breaks most pairs; ``about``: the graph.
    """

    site: Site
    sources: tuple[str, ...]
    goals: tuple[str, ...]
    chosen: str
    more_goals: int
    pairs: int
    ways: int
    paths: tuple[Path, ...]
    breaks: tuple[Break, ...]
    about: Map


class _Group(NamedTuple):
    """Nodes with the same path to a goal."""

    cost: int
    nodes: tuple[int, ...]
    tree: Tree


def attack_paths(site: Site, source: str = "", goal: str = "") -> Paths:
    """All paths to critical devices; ``source`` and ``goal``: only from this device or ``outside``, only to this
    device.
    """
    about = build(site)
    names, chosen = ([goal], REQUESTED) if goal else goals_of(site)
    goals = [about.nodes[name] for name in names if name in about.nodes]
    goals = goals if chosen == MARKED else _most_used(about, goals)
    sources = _sources(site, about, source)
    trees = [search(about.graph, one) for one in goals[:GOALS_LIMIT]]
    groups = sorted((one for tree in trees for one in _groups(about, tree, sources)), key=_order)
    several = WAYS if source or goal else 1
    return Paths(
        site,
        tuple(_name(about, start) for start in sources.tolist()),
        tuple(_name(about, one) for one in goals[:GOALS_LIMIT]),
        chosen,
        len(goals[GOALS_LIMIT:]),
        sum(len(one.nodes) for one in groups),
        len(groups),
        tuple(_path(site, about, one, WAYS if one.nodes[0] == OUTER else several) for one in groups[:PATHS_LIMIT]),
        tuple(breaks(about, trees, sources)),
        about,
    )


def goals_of(site: Site) -> tuple[list[str], str]:
    """Critical devices, most critical first, and why they are."""
    there = [node for node in site.nodes.values() if not node.gone]
    for words, chosen in (
        (
            sorted(
                (one for one in there if one.aimed.criticality in IMPORTANT),
                key=lambda one: IMPORTANT.index(one.aimed.criticality),
            ),
            MARKED,
        ),
        ([one for one in there if _controls(one)], CONTROLLER),
        ([one for one in there if one.type in ("server", "nas")], SERVER),
    ):
        if words:
            return [one.id for one in words], chosen
    return [], NO_GOAL


def _most_used(about: Map, goals: list[int]) -> list[int]:
    """If no device is marked as critical: those with most clients."""
    graph = about.graph
    services = graph.dst[graph.kind == Kind.REACH] - graph.first_service
    uses = np.bincount(graph.owner[services], minlength=graph.first_segment)
    return sorted(goals, key=lambda node: -uses[node])


def _controls(node: Node) -> bool:
    """A domain controller answers Kerberos, and LDAP or DNS; a Mac may answer Kerberos alone."""
    names = {service.partition("/")[0] for service in node.services}
    return "kerberos" in names and not names.isdisjoint(("ldap", "ldaps", "dns"))


def _sources(site: Site, about: Map, source: str) -> npt.NDArray[np.int64]:
    if source:
        return np.array([about.nodes[source]] if source in about.nodes else [], np.int64)
    return np.array(
        [OUTER, *(about.nodes[name] for name in about.graph.devices if site.nodes[name].type in STARTS)], np.int64
    )


def _groups(about: Map, tree: Tree, sources: npt.NDArray[np.int64]) -> Iterator[_Group]:
    """Sources whose first edge leads to the same node by the same kind share the rest of the path."""
    there = sources[(tree.cost[sources] < LIMIT) & (sources != tree.goal)]
    first = tree.edge[there]
    ways = np.stack((about.graph.dst[first], about.graph.kind[first], tree.cost[there]))
    found: dict[tuple[int, ...], list[int]] = {}
    for node, *way in zip(there.tolist(), *ways.tolist(), strict=True):
        found.setdefault((*way, node == OUTER), []).append(node)
    yield from (_Group(int(tree.cost[nodes[0]]), tuple(nodes), tree) for nodes in found.values())


def _order(group: _Group) -> tuple[int, bool, tuple[int, ...], int]:
    """Cheapest first, and from outside before others."""
    return group.cost, group.nodes[0] != OUTER, group.nodes, group.tree.goal


def _path(site: Site, about: Map, group: _Group, several: int) -> Path:
    start, goal = group.nodes[0], _name(about, group.tree.goal)
    names = tuple(_name(about, node) for node in group.nodes)
    found = [
        Path(names[:1], goal, cost, hops_of(site, about, over))
        for cost, over in ways(about.graph, group.tree, start, several)
    ]
    return found[0]._replace(sources=names, others=tuple(found[1:]))


def _name(about: Map, node: int) -> str:
    return about.graph.devices[node - 1] if node else OUTSIDE
