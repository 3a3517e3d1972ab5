"""From the site to the graph: each known or assumed way into a device becomes an edge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.inventory.habits import OUTSIDE, Habits
from sensor.posture.administration import ADMINISTRATION
from sensor.posture.paths.costs import (
    ASSUMED_FAR,
    ASSUMED_NEAR,
    ATTACKED,
    GUESS,
    HELD,
    LURE,
    MANY,
    PEOPLE,
    REACH,
    SESSION,
    SHARES,
    SHARING,
    STARTS,
    UNKNOWN,
    WEB,
    Kind,
)
from sensor.posture.paths.facts import (
    ANY,
    SERVICE_BITS,
    Alerted,
    Conversations,
    ServiceWeakness,
    alerted_of,
    conversations_of,
    holes_of,
    offered,
    ways_in,
)
from sensor.posture.paths.graph import OUTER, Edges, Graph, Ints, Mask, edges
from sensor.posture.scores.causes import ongoing_alerts
from sensor.posture.site import Record, Site
from sensor.posture.weakness import Weakness

COSTS = {Kind.HELD: HELD, Kind.ATTACK: ATTACKED, Kind.INBOUND: REACH}


class Map(NamedTuple):
    """The graph and what its edges refer to. ``nodes``: node by id; ``one_job``: for each node, whether it is a
    fixed-function device.
    """

    graph: Graph
    nodes: Mapping[str, int]
    one_job: Mask
    weaknesses: tuple[Weakness, ...]
    alerts: tuple[Record, ...]


class Services:
    """Service nodes, ordered by device and service; ``first``: the first node."""

    def __init__(self, keys: npt.NDArray[np.int64], first: int) -> None:
        self._keys, self.first = keys, first
        self.owner = (keys >> SERVICE_BITS).astype(np.int32)
        self.service = (keys & (1 << SERVICE_BITS) - 1).astype(np.int32)
        self.nodes = (first + np.arange(len(keys))).astype(np.int32)

    def node(self, device: Ints | int, service: Ints | int) -> Ints:
        return np.asarray(self.first + np.searchsorted(self._keys, _key(device, service)), np.int32)


def build(site: Site) -> Map:
    """The graph of all present devices."""
    names = [name for name, node in site.nodes.items() if not node.gone]
    index = {OUTSIDE: OUTER, **{name: number for number, name in enumerate(names, 1)}}
    homes = [site.nodes[name].segment for name in names]
    segments = sorted(set(homes) - {""})
    alerts = tuple(record for record, _ in ongoing_alerts(site))
    weaknesses = tuple(one for name in names for one in ways_in(site.weaknesses.get(name, ())))
    conversations = conversations_of(site, index)
    alerted = list(alerted_of(alerts, site, index))
    holes = list(holes_of(site, index, weaknesses))
    services = Services(_known(site, index, conversations, alerted, holes), 1 + len(names) + len(segments))
    kinds = np.array(["", *(site.nodes[name].type for name in names)])
    several = [
        *_seen(conversations, services, kinds),
        *_beside(homes, segments, services),
        *_takes(services, holes),
        *_alerted(alerted, services),
        _web_users(site, index),
    ]
    graph = Graph(names, segments, services.owner, services.service, several)
    one_job = np.zeros(graph.nodes, np.bool_)
    one_job[: len(kinds)] = np.isin(kinds, sorted(STARTS))
    return Map(graph, index, one_job, weaknesses, alerts)


def _known(
    site: Site,
    index: Mapping[str, int],
    conversations: Conversations,
    alerted: Iterable[Alerted],
    holes: Iterable[ServiceWeakness],
) -> npt.NDArray[np.int64]:
    """All services, as device and service in one number; a weak device without known services has one with number 0."""
    found = {_key(one.dst, one.service) for one in alerted if one.kind == Kind.INBOUND or one.service != ANY}
    found |= {_key(one.device, one.service) for one in holes if one.service != ANY}
    found |= {
        _key(index[name], service)
        for name, node in site.nodes.items()
        if name in index
        for service in offered(node.services)
    }
    keys = np.union1d(np.fromiter(found, np.int64, len(found)), _key(conversations.server, conversations.service))
    weak = np.array(sorted({one.device for one in holes}), np.int32)
    return np.union1d(keys, _key(weak[~np.isin(weak, keys >> SERVICE_BITS)], ANY))


def _key(device: Ints | int, service: Ints | int) -> Any:
    """Device and service in one number, for scalars or arrays."""
    return np.asarray(device, np.int64) << SERVICE_BITS | service


# Edges.


def _seen(conversations: Conversations, services: Services, kinds: npt.NDArray[np.str_]) -> Iterator[Edges]:
    """Which hosts reach which service, and whose sessions give access to which host."""
    client, server, service = conversations
    node, inside = services.node(server, service), client != OUTER
    yield edges(client[inside], node[inside], REACH, Kind.REACH, node[inside])
    yield edges(client[~inside], node[~inside], REACH, Kind.INBOUND, node[~inside])
    users = np.bincount(node, minlength=1)
    shared = np.isin(service, sorted(SHARES)) & (np.isin(kinds[server], sorted(SHARING)) | (users[node] >= MANY))
    session = inside & np.isin(service, sorted(ADMINISTRATION)) & ~shared
    yield edges(client[session], server[session], SESSION, Kind.SESSION, node[session])


def _beside(homes: Sequence[str], segments: Sequence[str], services: Services) -> Iterator[Edges]:
    """Hosts of one segment reach each other, through the node of the segment."""
    first = 1 + len(homes)
    number = {name: first + at for at, name in enumerate(segments)}
    home = np.array([-1, *(number.get(name, -1) for name in homes)], np.int32)
    living = np.flatnonzero(home > 0)
    yield edges(living, home[living], ASSUMED_NEAR, Kind.NEAR)
    there = home[services.owner] > 0
    yield edges(home[services.owner[there]], services.nodes[there], ASSUMED_FAR, Kind.FAR, services.nodes[there])


def _takes(services: Services, holes: Sequence[ServiceWeakness]) -> Iterator[Edges]:
    """Edges from each service to its device: password guessing or an unknown vulnerability, and known weaknesses."""
    owner, nodes = services.owner, services.nodes
    admin = np.isin(services.service, sorted(ADMINISTRATION))
    yield edges(nodes[admin], owner[admin], GUESS, Kind.GUESS, nodes[admin])
    yield edges(nodes[~admin], owner[~admin], UNKNOWN, Kind.UNKNOWN, nodes[~admin])
    first, end = (np.searchsorted(owner, [one.device for one in holes], side).tolist() for side in ("left", "right"))
    service = services.service.tolist()
    rows = [
        (services.first + at, one.device, one.cost, one.weakness)
        for one, low, high in zip(holes, first, end, strict=True)
        for at in range(low, high)
        if one.service in (ANY, service[at])
    ]
    src, dst, cost, weakness = np.array(rows, np.int32).reshape(-1, 4).T
    yield edges(src, dst, cost, Kind.WEAKNESS, src, weakness)


def _alerted(alerted: Iterable[Alerted], services: Services) -> Iterator[Edges]:
    for one in alerted:
        inbound = one.kind == Kind.INBOUND
        node = int(services.node(one.dst, one.service)) if inbound or one.service != ANY else -1
        yield edges(one.src, node if inbound else one.dst, COSTS[one.kind], one.kind, node, one.alert)


def _web_users(site: Site, index: Mapping[str, int]) -> Edges:
    """User devices that use the web."""
    people = [
        index[name]
        for name, habits in (site.seen.habits or {}).items()
        if name in index and site.nodes[name].type in PEOPLE and _on_the_web(habits)
    ]
    return edges(OUTER, np.array(people, np.int32), LURE, Kind.LURE)


def _on_the_web(habits: Habits) -> bool:
    return any((OUTSIDE, service) in habits.uses for service in WEB)
