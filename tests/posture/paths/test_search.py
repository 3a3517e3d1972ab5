"""The array-based search compared with a plain Dijkstra search, and its time and memory for a large site."""

from __future__ import annotations

import heapq
import os
import random
import subprocess
import sys

import numpy as np
import pytest

from sensor.posture.paths.alternatives import ways
from sensor.posture.paths.breaks import CLOSE, SORTS, edges_of
from sensor.posture.paths.costs import LIMIT, MUCH
from sensor.posture.paths.graph import Graph, edges
from sensor.posture.paths.paths import attack_paths
from sensor.posture.paths.search import search, search_again, used, way
from tests import sampling
from tests.posture.paths.large import large
from tests.posture.paths.sites import alert

SECONDS, MEGABYTES = 5.0, 400
DEVICES, EDGES = sampling.count(10_000, 2_000), sampling.count(1_000_000, 100_000)


def some_graph(chance: random.Random) -> Graph:
    """Devices, segments and services, connected as in a site, and direct edges between some devices."""
    devices, segments, services = chance.randint(2, 12), chance.randint(1, 3), chance.randint(1, 12)
    owner = np.array(sorted(chance.randint(1, devices) for _ in range(services)), np.int32)
    first, base = 1 + devices, 1 + devices + segments
    several = [edges(base + np.arange(services), owner, [chance.randint(1, 24) for _ in range(services)], 0)]
    several += [
        edges(chance.randint(0, devices), base + chance.randrange(services), 1, 0) for _ in range(chance.randint(0, 20))
    ]
    several += [
        edges(node, first + chance.randrange(segments), 2, 0) for node in range(1, first) if chance.random() < 0.7
    ]
    several += [
        edges(first + chance.randrange(segments), base + at, 2, 0) for at in range(services) if chance.random() < 0.7
    ]
    several += [
        edges(chance.randint(0, devices), chance.randint(1, devices), chance.randint(1, 9), 0)
        for _ in range(chance.randint(0, 8))
    ]
    return Graph(
        [f"dev-{number}" for number in range(devices)], ["lan"] * segments, owner, np.zeros(services, np.int32), several
    )


def dijkstra(graph: Graph, goal: int, gone: np.ndarray, without: int = -1) -> list[int]:
    """The textbook algorithm, one node at a time."""
    back: dict[int, list[tuple[int, int]]] = {}
    for edge in range(len(graph)):
        if not gone[edge] and without not in (graph.src[edge], graph.dst[edge]):
            back.setdefault(int(graph.dst[edge]), []).append((int(graph.src[edge]), int(graph.cost[edge])))
    found, heap = [LIMIT] * graph.nodes, [(0, goal)]
    found[goal] = 0
    while heap:
        cost, node = heapq.heappop(heap)
        if cost > found[node]:
            continue
        for other, more in back.get(node, ()):
            if cost + more < found[other]:
                found[other] = cost + more
                heapq.heappush(heap, (cost + more, other))
    return found


@pytest.mark.parametrize("seed", range(150))
def test_costs_are_those_of_dijkstra_and_so_are_they_when_edges_are_gone(seed: int) -> None:
    """The edges of each path are connected, lead to the goal, and add up to its cost."""
    chance = random.Random(seed)
    graph = some_graph(chance)
    goal = chance.randint(1, len(graph.devices))
    nothing = np.zeros(len(graph), np.bool_)
    gone = np.array([chance.random() < 0.3 for _ in range(len(graph))], np.bool_)
    tree = search(graph, goal)
    assert tree.cost.tolist() == dijkstra(graph, goal, nothing)
    for found in (tree, search_again(graph, tree, gone)):
        for node in np.flatnonzero(found.cost < LIMIT).tolist():
            over = way(graph, found, node)
            assert sum(int(graph.cost[edge]) for edge in over) == found.cost[node]
            assert [node, *(int(graph.dst[edge]) for edge in over)] == [*(int(graph.src[edge]) for edge in over), goal]
    assert (
        search_again(graph, tree, gone).cost.tolist()
        == dijkstra(graph, goal, gone)
        == search(graph, goal, gone).cost.tolist()
    )


@pytest.mark.parametrize("seed", range(100))
def test_the_best_ways_begin_with_other_devices_and_never_come_back(seed: int) -> None:
    """Each path has the lowest cost for its first device without returning to the start; no cheaper one is omitted."""
    chance = random.Random(seed)
    graph = some_graph(chance)
    start, goal = chance.sample(range(1, len(graph.devices) + 1), 2)
    tree, nothing = search(graph, goal), np.zeros(len(graph), np.bool_)
    if tree.cost[start] >= LIMIT:
        return
    onward = dijkstra(graph, goal, nothing, without=start)
    expected = sorted(
        cost + onward[device] for device, cost in firsts(graph, start).items() if cost + onward[device] < LIMIT
    )
    found = ways(graph, tree, start, 3)
    assert [cost for cost, _ in found] == expected[:3]
    first = [next(int(graph.dst[edge]) for edge in over if graph.is_device(int(graph.dst[edge]))) for _, over in found]
    assert len(set(first)) == len(found)
    for cost, over in found:
        assert sum(int(graph.cost[edge]) for edge in over) == cost
        stops = [start, *(int(graph.dst[edge]) for edge in over)]
        assert stops.count(start) == 1


def firsts(graph: Graph, start: int) -> dict[int, int]:
    """The cost from a device to each other one without a device between them."""
    cost, heap, found = {start: 0}, [(0, start)], {}
    while heap:
        so_far, node = heapq.heappop(heap)
        for edge in np.flatnonzero(graph.src == node).tolist() if node == start or not graph.is_device(node) else ():
            other, total = int(graph.dst[edge]), so_far + int(graph.cost[edge])
            if total < cost.get(other, LIMIT):
                cost[other] = total
                heapq.heappush(heap, (total, other))
                if graph.is_device(other):
                    found[other] = total
    return found


def test_how_many_go_over_each_node() -> None:
    """Of three devices in a row, the one at the goal has all paths."""
    graph = Graph(["a", "b", "c"], [], np.empty(0, np.int32), np.empty(0, np.int32), [edges([1, 2], [2, 3], [1, 1], 0)])
    assert used(graph, search(graph, 3), np.array([1, 2])).tolist() == [0, 1, 2, 2]


# In its own process, so that no other memory counts.
LARGE = """
import sys, time
from tests.posture.paths.large import large
from sensor.posture.paths.paths import attack_paths
site = large(int(sys.argv[1]), int(sys.argv[2]))
def held():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS")) / 1024
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
before, began = held(), time.process_time()
paths = attack_paths(site)
print(time.process_time() - began, peak() - before, len(paths.about.graph), paths.pairs, len(paths.breaks), len(paths.goals), before)
"""


@pytest.mark.slow
def test_ten_thousand_devices_and_a_million_edges() -> None:
    """Paths from all fixed-function devices to 24 servers, and the changes that break most of them, on one core; a
    tenth of that size in short runs.
    """
    reported = subprocess.run(
        [sys.executable, "-c", LARGE, str(DEVICES), str(EDGES)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    took, more, count, pairs, broken, goals, before = map(float, reported.stdout.split())
    assert count > EDGES
    assert pairs > 5 * DEVICES
    assert broken
    assert goals == 24
    assert took < SECONDS, took
    assert more < MEGABYTES, more
    print(f"{count:,.0f} edges, {pairs:,.0f} pairs in {took:.1f} s, {more:.0f} MiB beside the {before:.0f} of the site")


@pytest.mark.parametrize("seed", sampling.drawn(range(3), 1, "sites"))
def test_what_is_reported_to_break_so_many_does(seed: int) -> None:
    """In a site of a few hundred devices, each change is applied and the search repeated. Each kind breaks a path;
    closing may break no more than a rule.
    """
    site = large(700, 2_000, seed)
    site = site._replace(
        alerts=(
            alert("command_and_control.beaconing", "dev-1"),
            alert("exposure.inbound_from_internet", "", "srv-2", 22),
        )
    )
    paths = attack_paths(site)
    sources = np.array([paths.about.nodes[name] for name in paths.sources])
    assert {one.sort for one in paths.breaks} >= set(SORTS) - {CLOSE}
    for one in paths.breaks:
        gone, broken = edges_of(paths.about, one.sort, one.what), 0
        for goal in (paths.about.nodes[name] for name in paths.goals):
            before, after = (search(paths.about.graph, goal, missing).cost[sources] for missing in (None, gone))
            broken += int(((sources != goal) & (before < LIMIT) & ((after >= LIMIT) | (after >= before + MUCH))).sum())
        assert broken == one.broken
