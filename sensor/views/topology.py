"""The network map: devices in groups, and the conversations between two groups combined. One group may be opened: its
devices are then shown individually, as are devices in attacks and attack paths. Excess nodes are folded, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from sensor.core.foreign import part
from sensor.core.severities import SEVERITIES
from sensor.inventory.habits import OUTSIDE
from sensor.posture.picture import Picture
from sensor.posture.site import Node
from sensor.views.attacks import AttackRow, Attacks, attacks_of, combined, is_open
from sensor.views.conversations import (
    EVERY_CONVERSATION,
    ConversationFilter,
    ConversationRow,
    EndRow,
    matching,
    node_end,
)
from sensor.views.errors import Unknown, one_of
from sensor.views.paths import HopRow, PathRow

# Groups besides those of devices: external hosts, internal addresses of no device, and what does not fit on the map.
INTERNET, ADDRESSES, OTHERS = "internet", "other addresses", "other groups"
UNKNOWN = "unknown"
# Limits on the groups, devices of the opened group, and devices in attacks that a map shows; services named on a link.
GROUPS, DEVICES, ATTACKED, SERVICES = 40, 120, 40, 5
GROUPINGS: dict[str, Callable[[Node], str]] = {
    "type": lambda node: node.type,
    "segment": lambda node: node.segment,
    "vendor": lambda node: node.vendor,
}


Record = dict[str, Any]


class MapNode(msgspec.Struct, frozen=True):
    """A group, or a device of the opened group. ``id``: unique on the map; ``device``: id of the device, empty for a
    group; ``devices``: number of devices in it, or of addresses of none, 0 for external hosts; ``severity``: of the
    most severe open alert with one of them as actor, empty if there is none.
    """

    id: str
    name: str
    device: str
    devices: int
    severity: str


class MapLink(msgspec.Struct, frozen=True):
    """``client`` and ``server``: ids of nodes; ``services``: the most frequent ones."""

    client: str
    server: str
    conversations: int
    services: list[str]


class MapStep(msgspec.Struct, frozen=True):
    """A step of attack paths. ``source`` and ``target``: ids of nodes; ``assumed``: without packets that show it."""

    source: str
    target: str
    service: str
    cost: int
    assumed: bool


class Topology(msgspec.Struct, frozen=True):
    """``devices`` and ``conversations``: number of matches; ``folded``: devices of the opened group, and groups, that
    are combined for lack of space; ``steps``: of the attack paths; ``attacks``: null if none were requested.
    """

    nodes: list[MapNode]
    links: list[MapLink]
    devices: int
    conversations: int
    folded: int
    steps: list[MapStep] = []
    attacks: Attacks | None = None


class PastState(NamedTuple):
    """The state as of a time: devices, records of the open alerts, and the range (ns) in which conversations must have
    begun, without its start.
    """

    nodes: Mapping[str, Node]
    alerts: Sequence[Record]
    after: int
    at: int


def topology(
    picture: Picture,
    wanted: ConversationFilter = EVERY_CONVERSATION,
    by: str = "type",
    opened: str = "",
    then: PastState | None = None,
    along: Sequence[PathRow] = (),
    severity: str | None = None,
) -> Topology:
    """The map of the matching conversations. ``by``: one of GROUPINGS; ``opened``: name of a group; ``then``: if not
    the present; ``along``: attack paths; ``severity``: of the attacks, as in ``levels_of``, None: without attacks.
    Raises Unknown, Malformed and NotReadable like ``conversations``.
    """
    one_of("by", [by], GROUPINGS)
    nodes, past = (picture.site.nodes, None) if then is None else (then.nodes, then.alerts)
    rows = [row for row in matching(picture, wanted, nodes) if then is None or then.after < row.first <= then.at]
    attacks = attacks_of(picture, wanted, severity, past, nodes) if severity is not None else []
    hops = [hop for path in along for hop in path.hops]
    ends = {end.id: end for row in (*rows, *attacks) for end in (row.client, row.server)}
    ends |= {key: _end_of(key, nodes) for hop in hops for key in (hop.source, hop.target)}
    groups = {key: _group(end, nodes, GROUPINGS[by]) for key, end in ends.items()}
    if opened and opened not in groups.values():
        raise Unknown("opened", opened, sorted(set(groups.values())))
    alone = _alone(rows, groups, opened) if opened else set()
    alone |= {key for hop in hops for key in (hop.source, hop.target) if key in nodes} | _in_attacks(attacks, nodes)
    places, folded = _places(groups, alone, opened)
    severities = _severities(picture.site.alerts if past is None else past)
    return Topology(
        _nodes(ends, alone, places, severities),
        _links(rows, places),
        len({end.id for row in rows for end in (row.client, row.server)} & nodes.keys()),
        len(rows),
        folded,
        _steps(hops, places),
        combined(attacks, places) if severity is not None else None,
    )


def _places(groups: Mapping[str, str], alone: Collection[str], opened: str) -> tuple[dict[str, str], int]:
    """Host → id of its node, and the number of groups, and of devices of the opened group, that are folded."""
    sizes = Counter(groups.values())
    shown = {INTERNET, opened, *(name for name, _ in sizes.most_common(GROUPS))}
    places = {key: key if key in alone else name if name in shown else OTHERS for key, name in groups.items()}
    hidden = sum(name == opened and key not in alone for key, name in groups.items()) if opened else 0
    return places, len(set(sizes) - shown) + hidden


def _end_of(name: str, nodes: Mapping[str, Node]) -> EndRow:
    return node_end(nodes[name]) if name in nodes else EndRow(name)


def _in_attacks(rows: Iterable[AttackRow], nodes: Mapping[str, Node]) -> set[str]:
    """The devices of the most severe and newest attacks, as many as the map shows individually."""
    found: dict[str, None] = {}
    for row in rows:
        found |= {end.id: None for end in (row.client, row.server) if row.client != row.server and end.id in nodes}
        if len(found) >= ATTACKED:
            break
    return set(found)


def _steps(hops: Iterable[HopRow], places: Mapping[str, str]) -> list[MapStep]:
    """Each step once, with its lowest cost, the cheapest first."""
    found: dict[tuple[str, str], MapStep] = {}
    for hop in sorted(hops, key=lambda hop: hop.cost):
        step = MapStep(places[hop.source], places[hop.target], hop.service, hop.cost, hop.assumed)
        found.setdefault((step.source, step.target), step)
    return list(found.values())


def _group(end: EndRow, nodes: Mapping[str, Node], named: Callable[[Node], str]) -> str:
    if end.id == OUTSIDE:
        return INTERNET
    node = nodes.get(end.id)
    return named(node) or UNKNOWN if node is not None else ADDRESSES


def _alone(rows: Iterable[ConversationRow], groups: Mapping[str, str], opened: str) -> set[str]:
    """The endpoints of the opened group that are shown individually: those with the most conversations."""
    busy = Counter(end.id for row in rows for end in (row.client, row.server) if groups[end.id] == opened)
    return set(sorted(busy, key=lambda key: (-busy[key], key))[:DEVICES])


def _nodes(
    ends: Mapping[str, EndRow], alone: Collection[str], places: Mapping[str, str], severities: Mapping[str, int]
) -> list[MapNode]:
    """The nodes, sorted by name; the internet first."""
    members: dict[str, list[str]] = {}
    for key, place in places.items():
        members.setdefault(place, []).append(key)
    made = []
    for place, keys in members.items():
        device = place if keys == [place] and place in alone else ""
        name = (ends[place].name or ends[place].address or place) if device else place
        worst = max(severities.get(key, -1) for key in keys)
        severity = SEVERITIES[worst] if worst >= 0 else ""
        made.append(MapNode(place, name, device, sum(key != OUTSIDE for key in keys), severity))
    return sorted(made, key=lambda node: (node.id != INTERNET, bool(node.device), node.name.casefold(), node.id))


def _links(rows: Iterable[ConversationRow], places: Mapping[str, str]) -> list[MapLink]:
    """The links, those with the most conversations first."""
    services: dict[tuple[str, str], Counter[str]] = {}
    counts = Counter((places[row.client.id], places[row.server.id], row.service) for row in rows)
    for (client, server, service), count in counts.items():
        services.setdefault((client, server), Counter())[service] = count
    made = [
        MapLink(*pair, found.total(), [name for name, _ in found.most_common(SERVICES)])
        for pair, found in services.items()
    ]
    return sorted(made, key=lambda link: (-link.conversations, link.client, link.server))


def _severities(alerts: Iterable[Record]) -> dict[str, int]:
    """Device → severity of the most severe open alert with it as actor."""
    found: dict[str, int] = {}
    for record in filter(is_open, alerts):
        device, severity = part(record, "src").get("device"), SEVERITIES.index(record["severity"])
        if isinstance(device, str):
            found[device] = max(found.get(device, -1), severity)
    return found
