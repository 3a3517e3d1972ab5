"""Hops of a path: how the next device is reached and compromised, and what of that was observed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from sensor.core.phrases import counted
from sensor.core.reader import clean
from sensor.core.record_parts import time_text
from sensor.core.service_names import service_text
from sensor.inventory.habits import OUTSIDE, Use
from sensor.posture.paths.breaks import APART, BORDER, CLOSE, FIX, RULE, uses_on
from sensor.posture.paths.build import Map
from sensor.posture.paths.costs import Kind
from sensor.posture.paths.facts import ANY
from sensor.posture.paths.graph import OUTER
from sensor.posture.site import Site
from sensor.posture.weakness import Weakness

ASSUMED = frozenset((Kind.NEAR, Kind.FAR, Kind.LURE))
WORDS_LIMIT = 512


class Hop(NamedTuple):
    """From one device (or ``outside``) to the next. ``service``: the service used, 0 if unknown; ``why``: how it is
    reached and compromised; ``assumed``: not observed; ``weakness``, ``alert``, ``use``: its evidence; ``cuts``: sort
    and what of each ``Break`` that removes it.
    """

    source: str
    target: str
    cost: int
    service: int
    why: tuple[str, ...]
    assumed: bool
    weakness: Weakness | None
    alert: str
    use: Use | None
    cuts: tuple[tuple[str, int | str], ...]


def hops_of(site: Site, about: Map, edges: Sequence[int]) -> tuple[Hop, ...]:
    """The edges of a path, grouped from device to device."""
    found, some = [], []
    for edge in edges:
        some.append(edge)
        if about.graph.is_device(int(about.graph.dst[edge])):
            found.append(_hop(site, about, some))
            some = []
    return tuple(found)


def _hop(site: Site, about: Map, edges: Sequence[int]) -> Hop:
    graph = about.graph
    kinds = [Kind(int(graph.kind[edge])) for edge in edges]
    source, target = _name(about, int(graph.src[edges[0]])), _name(about, int(graph.dst[edges[-1]]))
    via = next((int(graph.via[edge]) for edge in edges if graph.via[edge] >= 0), -1)
    service = graph.of_service(via)[1] if via >= 0 else ANY
    weakness = next(
        (about.weaknesses[graph.ref[edge]] for edge, kind in zip(edges, kinds, strict=True) if kind == Kind.WEAKNESS),
        None,
    )
    alert = next(
        (
            about.alerts[graph.ref[edge]]
            for edge, kind in zip(edges, kinds, strict=True)
            if kind != Kind.WEAKNESS and graph.ref[edge] >= 0
        ),
        None,
    )
    use = _use(site, source, target, service) if {Kind.REACH, Kind.SESSION, Kind.INBOUND} & set(kinds) else None
    hop = Hop(
        source,
        target,
        int(graph.cost[list(edges)].sum()),
        service,
        (),
        bool(ASSUMED & set(kinds)),
        weakness,
        _alert_id(alert),
        use,
        (),
    )
    why = (text for kind in kinds if (text := _why(kind, hop, site, alert)))
    return hop._replace(why=tuple(why), cuts=tuple(_cuts(about, edges, kinds, via)))


def _why(kind: Kind, hop: Hop, site: Site, alert: Any) -> str:
    """One edge as text; duplicates are left out."""
    service = service_text(hop.service) if hop.service != ANY else "a service"
    if alert is not None and kind in (Kind.HELD, Kind.ATTACK, Kind.INBOUND):
        return f"{clean(str(alert.get('msg') or ''), WORDS_LIMIT)} ({hop.alert})"
    home = site.nodes[hop.target].segment
    return {
        Kind.REACH: f"uses {service} there{_times(hop.use)}",
        Kind.INBOUND: f"an external host was answered at {service}{_times(hop.use)}",
        Kind.NEAR: f"both are in {home}, so it reaches {service} (assumed, not observed)",
        Kind.WEAKNESS: _weak(hop.weakness),
        Kind.GUESS: f"no vulnerability of {service} is known: a password has to be guessed or stolen",
        Kind.UNKNOWN: f"no vulnerability of {service} is known: needs an unknown one",
        Kind.SESSION: f"has sessions of {service} there{_times(hop.use)}: its credentials are stored on it",
        Kind.LURE: "uses the web (assumed: a user opens malicious content)",
    }.get(kind, "")


def _weak(weakness: Weakness | None) -> str:
    if weakness is None:
        return ""
    name = "" if weakness.name in weakness.title else f"{weakness.name}, "
    return f"{clean(weakness.title, WORDS_LIMIT)} ({name}{weakness.points:g} points, {weakness.id})"


def _times(use: Use | None) -> str:
    return f", {counted(use.count, 'time')}, last {time_text(use.last)[:16]}Z" if use is not None else ""


def _use(site: Site, source: str, target: str, service: int) -> Use | None:
    """The use in the client's baseline, otherwise in the server's."""
    habits = site.seen.habits or {}
    mine = habits[source].uses.get((target, service)) if source in habits else None
    served = habits[target].serves.get(service) if mine is None and target in habits else None
    return mine if mine is not None else served[0] if served is not None else None


def _cuts(about: Map, edges: Sequence[int], kinds: Sequence[Kind], via: int) -> Iterator[tuple[str, int | str]]:
    graph = about.graph
    first, last = int(graph.src[edges[0]]), int(graph.dst[edges[-1]])
    if (first == OUTER and kinds[0] != Kind.LURE) or kinds[0] == Kind.HELD:
        yield BORDER, last
    if via >= 0:
        over = np.array([edge for edge in edges if graph.via[edge] == via])
        door = int(graph.doors[via])
        yield (CLOSE if uses_on(about, over).all() else RULE), door
    yield from ((APART, int(graph.dst[edge])) for edge, kind in zip(edges, kinds, strict=True) if kind == Kind.NEAR)
    yield from (
        (FIX, about.weaknesses[graph.ref[edge]].fix.key)
        for edge, kind in zip(edges, kinds, strict=True)
        if kind == Kind.WEAKNESS
    )


def _alert_id(record: Any) -> str:
    body = record.get("alert") if record is not None else None
    return clean(str(body.get("id") or ""), 64) if isinstance(body, dict) else ""


def _name(about: Map, node: int) -> str:
    return about.graph.devices[node - 1] if node else OUTSIDE
