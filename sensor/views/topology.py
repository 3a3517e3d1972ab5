"""Who talks to whom, for a map: devices in groups, and the conversations between two groups together. One group may be
opened, its devices then stand alone. What is too much for a picture is folded, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import msgspec

from sensor.core.foreign import part
from sensor.inventory.habits import OUTSIDE
from sensor.posture.picture import Picture
from sensor.posture.site import Node
from sensor.tables.lines import SEVERITIES
from sensor.views.conversations import EVERY_CONVERSATION, ConversationFilter, ConversationRow, EndRow, matching
from sensor.views.errors import Unknown, one_of

INTERNET, UNKNOWN, OTHERS = "internet", "unknown", "other groups"
# Groups, and devices of the opened group, that a picture shows; services that a link names.
GROUPS, DEVICES, SERVICES = 40, 120, 5
GROUPINGS: dict[str, Callable[[Node], str]] = {
    "type": lambda node: node.type,
    "segment": lambda node: node.segment,
    "vendor": lambda node: node.vendor,
}


class MapNode(msgspec.Struct, frozen=True):
    """A group, or a device of the opened group. ``id``: unique on the map; ``device``: id of the device, empty for a
    group; ``devices``: how many it stands for, 0 for hosts on the internet; ``severity``: of the most severe open alert
    with one of them as actor, empty where there is none.
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


class Topology(msgspec.Struct, frozen=True):
    """``devices`` and ``conversations``: that match; ``folded``: devices of the opened group, and groups, that are drawn
    together for want of space.
    """

    nodes: list[MapNode]
    links: list[MapLink]
    devices: int
    conversations: int
    folded: int


def topology(
    picture: Picture, wanted: ConversationFilter = EVERY_CONVERSATION, by: str = "type", opened: str = ""
) -> Topology:
    """The map of the conversations that match. ``by``: one of GROUPINGS; ``opened``: name of a group. Unknown, Malformed
    and NotReadable as of ``conversations``.
    """
    one_of("by", [by], GROUPINGS)
    rows, nodes = matching(picture, wanted), picture.site.nodes
    ends = {_key(end): end for row in rows for end in (row.client, row.server)}
    groups = {key: _group(end, nodes, GROUPINGS[by]) for key, end in ends.items()}
    if opened and opened not in groups.values():
        raise Unknown("opened", opened, sorted(set(groups.values())))
    places, folded = _places(rows, groups, opened)
    return Topology(
        _nodes(ends, groups, places, _severities(picture)),
        _links(rows, places),
        sum(key in nodes for key in ends),
        len(rows),
        folded,
    )


def _key(end: EndRow) -> str:
    """What stands for an end: all hosts on the internet are one."""
    return OUTSIDE if end.id == OUTSIDE else end.id


def _group(end: EndRow, nodes: Mapping[str, Node], named: Callable[[Node], str]) -> str:
    if end.id == OUTSIDE:
        return INTERNET
    node = nodes.get(end.id)
    return (named(node) if node is not None else "") or UNKNOWN


def _places(rows: Iterable[ConversationRow], groups: Mapping[str, str], opened: str) -> tuple[dict[str, str], int]:
    """By end: the id of the node that it is drawn in; and how many devices and groups are folded."""
    busy = Counter(_key(end) for row in rows for end in (row.client, row.server))
    sizes = Counter(groups.values())
    shown = {INTERNET, opened, *(name for name, _ in sizes.most_common(GROUPS))}
    alone = {key for key, _ in busy.most_common() if groups[key] == opened}
    alone = set(sorted(alone, key=lambda key: (-busy[key], key))[:DEVICES]) if opened else set()
    places = {key: key if key in alone else name if name in shown else OTHERS for key, name in groups.items()}
    return places, len(set(groups.values()) - shown) + (sizes[opened] - len(alone) if opened else 0)


def _nodes(
    ends: Mapping[str, EndRow], groups: Mapping[str, str], places: Mapping[str, str], severities: Mapping[str, int]
) -> list[MapNode]:
    """In the order of their names; the internet first."""
    members: dict[str, list[str]] = {}
    for key, place in places.items():
        members.setdefault(place, []).append(key)
    made = []
    for place, keys in members.items():
        alone = place in ends and place != OUTSIDE
        name = (ends[place].name or ends[place].address or place) if alone else place
        worst = max((severities.get(key, -1) for key in keys), default=-1)
        count = 0 if groups[keys[0]] == INTERNET else len(keys)
        made.append(MapNode(place, name, place if alone else "", count, SEVERITIES[worst] if worst >= 0 else ""))
    return sorted(made, key=lambda node: (node.id != INTERNET, bool(node.device), node.name.casefold(), node.id))


def _links(rows: Iterable[ConversationRow], places: Mapping[str, str]) -> list[MapLink]:
    """Those with the most conversations first."""
    services: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        pair = places[_key(row.client)], places[_key(row.server)]
        services.setdefault(pair, Counter())[row.service] += 1
    made = [
        MapLink(*pair, counts.total(), [name for name, _ in counts.most_common(SERVICES)])
        for pair, counts in services.items()
    ]
    return sorted(made, key=lambda link: (-link.conversations, link.client, link.server))


def _severities(picture: Picture) -> dict[str, int]:
    """By device: the most severe of the open alerts with it as actor."""
    found: dict[str, int] = {}
    for record in picture.site.alerts:
        device, severity = part(record, "src").get("device"), record.get("severity")
        if record.get("action") != "close" and isinstance(device, str) and severity in SEVERITIES:
            found[device] = max(found.get(device, -1), SEVERITIES.index(severity))
    return found
