"""The single changes that break most paths: each candidate is removed from the graph, and the paths are searched again.

Candidates are rules (only observed clients reach a service; for administration no fixed-function device even then),
services closed to all, entry points from outside, fixes, and client isolation of segments. The number of cheapest paths
over each determines the order in which to try them; the figures of those that were tried are exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.posture.administration import ADMINISTRATION
from sensor.posture.paths.build import Map
from sensor.posture.paths.costs import LIMIT, MUCH, Kind
from sensor.posture.paths.graph import OUTER, Mask
from sensor.posture.paths.search import Tree, search_again, used

# Number of candidates of each sort that are tried.
TRIED = 5
RULE, CLOSE, BORDER, FIX, APART = "rule", "close", "border", "fix", "apart"
SORTS = (RULE, CLOSE, BORDER, FIX, APART)
# Kinds of edges that compromise a device through a service.
TAKES = (Kind.WEAKNESS, Kind.GUESS, Kind.UNKNOWN)
Counts = dict[tuple[str, int | str], int]


class Break(NamedTuple):
    """A change. ``sort``: one of the words above; ``what``: node of a service or segment, node of a device, or key of a
    fix; ``broken``: number of pairs that lose their path, or whose path costs ``MUCH`` more; ``goals``: no longer
    reached from anywhere; ``users``: devices without attacks that were observed using the service, and no longer could.
    """

    sort: str
    what: int | str
    broken: int
    goals: int
    users: int


def breaks(about: Map, trees: Sequence[Tree], sources: npt.NDArray[np.int64]) -> list[Break]:
    """The changes that break most pairs per affected host, best first. Services that a rule covers are not closed in
    addition.
    """
    found = [_tried(about, trees, sources, sort, what) for sort, what in _likely(_counted(about, trees, sources))]
    rules = {(one.what, one.broken) for one in found if one.sort == RULE}
    found = [one for one in found if one.sort != CLOSE or (one.what, one.broken) not in rules]
    return sorted(
        (one for one in found if one.broken),
        key=lambda one: (-one.broken / (1 + one.users), one.users, one.sort, str(one.what)),
    )


def edges_of(about: Map, sort: str, what: int | str) -> Mask:
    """The edges that a candidate removes."""
    graph, gone = about.graph, np.zeros(len(about.graph), np.bool_)
    if sort in (RULE, CLOSE):
        over = np.flatnonzero(graph.via >= 0)
        over = over[graph.doors[graph.via[over]] == what]
        gone[over if sort == CLOSE else over[~uses_on(about, over)]] = True
    elif sort == BORDER:
        gone |= touched(graph.src, graph.kind) & (_devices(about) == what)
    elif sort == APART:
        gone |= (graph.dst == what) | (graph.src == what)
    else:
        weak = np.flatnonzero(graph.kind == Kind.WEAKNESS)
        gone[weak] = np.array([one.fix.key == what for one in about.weaknesses], np.bool_)[graph.ref[weak]]
    return gone


def uses_on(about: Map, edges: npt.NDArray[np.integer]) -> Mask:
    """Edges over services that a rule keeps: observed uses, except administration by fixed-function devices and
    attackers.
    """
    graph = about.graph
    kind, src, via = graph.kind[edges], graph.src[edges], graph.via[edges]
    attacker = np.isin(graph.pairs(edges), graph.attacked)
    administered = np.isin(graph.service[via - graph.first_service], sorted(ADMINISTRATION))
    meant = np.isin(kind, (Kind.REACH, Kind.SESSION)) & ~(about.one_job[src] & administered) & ~attacker
    return np.asarray(np.isin(kind, TAKES) | meant, np.bool_)


def touched(src: npt.NDArray[np.integer], kind: npt.NDArray[np.integer]) -> Mask:
    """Edges by which external hosts, or a host that controls another, contact a device."""
    return np.asarray((src == OUTER) & (kind != Kind.LURE) | (kind == Kind.HELD), np.bool_)


def _devices(about: Map) -> npt.NDArray[np.int32]:
    """For each edge, the device that it leads to, or that offers its service."""
    graph = about.graph
    owners = np.arange(graph.nodes, dtype=np.int32)
    owners[graph.first_service :] = graph.owner
    return np.asarray(owners[graph.dst], np.int32)


def _counted(about: Map, trees: Sequence[Tree], sources: npt.NDArray[np.int64]) -> Counts:
    """Number of cheapest paths through each candidate."""
    graph, devices = about.graph, _devices(about)
    rules, borders, segments = (np.zeros(graph.nodes, np.int64) for _ in range(3))
    weak = np.zeros(len(about.weaknesses), np.int64)
    for tree in trees:
        count = used(graph, tree, sources)
        nodes = np.flatnonzero((count > 0) & (tree.edge >= 0))
        edges, times = tree.edge[nodes], count[nodes]
        kind = graph.kind[edges]
        over = (graph.via[edges] >= 0) & ~np.isin(kind, TAKES)
        np.add.at(rules, graph.doors[graph.via[edges[over]]], times[over])
        outer = touched(nodes, kind)
        np.add.at(borders, devices[edges[outer]], times[outer])
        fixed = kind == Kind.WEAKNESS
        np.add.at(weak, graph.ref[edges[fixed]], times[fixed])
        segments[graph.first_segment : graph.first_service] += count[graph.first_segment : graph.first_service]
    counts: Counts = {}
    for sort, some in ((RULE, rules), (CLOSE, rules), (BORDER, borders), (APART, segments)):
        counts.update({(sort, node): int(some[node]) for node in np.flatnonzero(some).tolist()})
    for number in np.flatnonzero(weak).tolist():
        key = FIX, about.weaknesses[number].fix.key
        counts[key] = counts.get(key, 0) + int(weak[number])
    return counts


def _likely(counts: Mapping[tuple[str, int | str], int]) -> Iterator[tuple[str, int | str]]:
    """The candidates of each sort with most paths."""
    for sort in SORTS:
        mine = [key for key in counts if key[0] == sort]
        yield from sorted(mine, key=lambda key: (-counts[key], str(key[1])))[:TRIED]


def _tried(about: Map, trees: Sequence[Tree], sources: npt.NDArray[np.int64], sort: str, what: int | str) -> Break:
    gone = edges_of(about, sort, what)
    broken = goals = 0
    for tree in trees:
        before, after = tree.cost[sources], search_again(about.graph, tree, gone).cost[sources]
        there = (before < LIMIT) & (sources != tree.goal)
        lost = there & (after >= np.minimum(LIMIT, before + MUCH))
        broken += int(lost.sum())
        goals += bool(there.any() and lost[there].all())
    return Break(sort, what, broken, goals, _users(about, gone) if sort in (RULE, CLOSE) else 0)


def _users(about: Map, gone: Mask) -> int:
    """Number of observed users of what is removed, except attackers."""
    by, attackers = (about.graph.src[gone & (about.graph.kind == kind)] for kind in (Kind.REACH, Kind.ATTACK))
    return len(np.setdiff1d(by, attackers))
