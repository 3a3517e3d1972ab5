"""The network map: devices in groups, and the conversations between two groups combined. One group may be opened: its
devices are then shown individually. Excess nodes are folded, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from sensor.core.foreign import part
from sensor.core.severities import SEVERITIES
from sensor.inventory.habits import OUTSIDE
from sensor.posture.picture import Picture
from sensor.posture.site import Node
from sensor.views.conversations import EVERY_CONVERSATION, ConversationFilter, ConversationRow, EndRow, matching
from sensor.views.errors import Unknown, one_of
from sensor.views.paths import HopRow, PathRow

INTERNET, UNKNOWN, OTHERS = "internet", "unknown", "other groups"
# Limits on the groups, and devices of the opened group, that a map shows; services named on a link.
GROUPS, DEVICES, SERVICES = 40, 120, 5
GROUPINGS: dict[str, Callable[[Node], str]] = {
    "type": lambda node: node.type,
    "segment": lambda node: node.segment,
    "vendor": lambda node: node.vendor,
}


class MapNode(msgspec.Struct, frozen=True):
    """A group, or a device of the opened group. ``id``: unique on the map; ``device``: id of the device, empty for a
    group; ``devices``: number of devices in it, 0 for external hosts; ``severity``: of the most severe open alert with
    one of them as actor, empty if there is none.
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
    are combined for lack of space; ``steps``: of the attack paths.
    """

    nodes: list[MapNode]
    links: list[MapLink]
    devices: int
    conversations: int
    folded: int
    steps: list[MapStep] = []


class PastState(NamedTuple):
    """The state as of a time: devices, severities by device, and the range (ns) in which conversations must have begun,
    without its start.
    """

    nodes: Mapping[str, Node]
    severities: Mapping[str, int]
    after: int
    at: int


def topology(
    picture: Picture,
    wanted: ConversationFilter = EVERY_CONVERSATION,
    by: str = "type",
    opened: str = "",
    then: PastState | None = None,
    along: Sequence[PathRow] = (),
) -> Topology:
    """The map of the matching conversations. ``by``: one of GROUPINGS; ``opened``: name of a group; ``then``: if not
    the present; ``along``: attack paths, whose devices are shown individually. Raises Unknown, Malformed and
    NotReadable like ``conversations``.
    """
    one_of("by", [by], GROUPINGS)
    nodes = picture.site.nodes if then is None else then.nodes
    rows = [row for row in matching(picture, wanted, nodes) if then is None or then.after < row.first <= then.at]
    ends = {end.id: end for row in rows for end in (row.client, row.server)}
    matches, hops = sum(key in nodes for key in ends), [hop for path in along for hop in path.hops]
    ends |= {key: _end_of(key, nodes) for hop in hops for key in (hop.source, hop.target)}
    groups = {key: _group(end, nodes, GROUPINGS[by]) for key, end in ends.items()}
    if opened and opened not in groups.values():
        raise Unknown("opened", opened, sorted(set(groups.values())))
    alone = _alone(rows, groups, opened) if opened else set()
    alone |= {key for hop in hops for key in (hop.source, hop.target) if key in nodes}
    sizes = Counter(groups.values())
    shown = {INTERNET, opened, *(name for name, _ in sizes.most_common(GROUPS))}
    places = {key: key if key in alone else name if name in shown else OTHERS for key, name in groups.items()}
    folded = len(set(sizes) - shown) + (
        sum(groups[key] == opened and key not in alone for key in groups) if opened else 0
    )
    drawn = _nodes(ends, alone, places, _severities(picture) if then is None else then.severities)
    return Topology(drawn, _links(rows, places), matches, len(rows), folded, _steps(hops, places))


def _end_of(name: str, nodes: Mapping[str, Node]) -> EndRow:
    node = nodes.get(name)
    return EndRow(name, node.name, node.address, node.type or UNKNOWN, node.segment) if node else EndRow(name)


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
    return (named(node) if node is not None else "") or UNKNOWN


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


def _severities(picture: Picture) -> dict[str, int]:
    """Device → severity of the most severe open alert with it as actor."""
    found: dict[str, int] = {}
    for record in picture.site.alerts:
        device, severity = part(record, "src").get("device"), record.get("severity")
        if record.get("action") != "close" and isinstance(device, str) and severity in SEVERITIES:
            found[device] = max(found.get(device, -1), SEVERITIES.index(severity))
    return found
