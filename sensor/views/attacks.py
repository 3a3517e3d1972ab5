"""Attacks: open alerts with the hosts that they name as actor and target, and these combined by pairs of map nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import structs

from sensor.core.addresses import Networks, is_multicast
from sensor.core.foreign import address_of, host_of, part, tidy
from sensor.core.record_parts import objects
from sensor.core.severities import SEVERITIES
from sensor.inventory.habits import OUTSIDE
from sensor.posture.picture import Picture
from sensor.posture.site import Node
from sensor.tables.lines import time_or
from sensor.views.cached import once
from sensor.views.conversations import ConversationFilter, ConversationRow, EndRow, fitting, node_end
from sensor.views.severity_levels import levels_of

Record = dict[str, Any]
# Limits on the pairs of a map, and on the alerts that are named of each.
PAIRS, NAMED = 200, 3


class AttackRow(ConversationRow, frozen=True):
    """An open alert and one of its targets. ``client``: the actor; ``server``: the target; ``service``: title of the
    alert; ``severity``: position in SEVERITIES.
    """

    alert: str
    severity: int


class AttackAlert(msgspec.Struct, frozen=True):
    """An open alert. ``id``: of the alert."""

    id: str
    severity: str
    title: str


class MapAttack(msgspec.Struct, frozen=True):
    """Open alerts with hosts of two nodes as actor and target. ``source`` and ``target``: ids of nodes; ``severity``:
    of the most severe one; ``alerts``: their number; ``named``: the most severe and newest of them.
    """

    source: str
    target: str
    severity: str
    alerts: int
    named: list[AttackAlert]


class Attacks(msgspec.Struct, frozen=True):
    """``pairs``: the most severe first; ``alerts``: number of alerts in all pairs; ``more``: number of pairs that are
    left out for lack of space; ``alone``: number of open alerts that name no other host than the actor.
    """

    pairs: list[MapAttack]
    alerts: int
    more: int
    alone: int


def attacks_of(
    picture: Picture,
    wanted: ConversationFilter,
    severity: str,
    past: Sequence[Record] | None,
    nodes: Mapping[str, Node],
) -> list[AttackRow]:
    """The attacks of the open alerts that match: the hosts, the title and the time as in the filter of conversations,
    whose services and directions do not apply. The most severe and newest are first. ``severity``: as in ``levels_of``;
    ``past``: open alerts of that time, None: current alerts. Raises Unknown, Malformed.
    """
    levels = levels_of(severity)
    rows = _present(picture) if past is None else _rows(picture, past, nodes)
    return fitting((row for row in rows if row.severity in levels), structs.replace(wanted, service=(), direction=()))


def combined(rows: Iterable[AttackRow], places: Mapping[str, str]) -> Attacks:
    """Attacks by pairs of nodes. ``rows``: the most severe and newest first; ``places``: host → node."""
    pairs: dict[tuple[str, str], dict[str, AttackRow]] = {}
    alone: set[str] = set()
    for row in rows:
        if row.client == row.server:
            alone.add(row.alert)
        else:
            pairs.setdefault((places[row.client.id], places[row.server.id]), {}).setdefault(row.alert, row)
    made = [_pair(pair, list(some.values())) for pair, some in pairs.items()]
    made.sort(key=lambda one: (-SEVERITIES.index(one.severity), -one.alerts, one.source, one.target))
    alerts = {alert for some in pairs.values() for alert in some}
    return Attacks(made[:PAIRS], len(alerts), max(0, len(made) - PAIRS), len(alone - alerts))


def _pair(pair: tuple[str, str], rows: Sequence[AttackRow]) -> MapAttack:
    named = [AttackAlert(row.alert, SEVERITIES[row.severity], row.service) for row in rows[:NAMED]]
    return MapAttack(*pair, named[0].severity, len(rows), named)


def is_open(record: Record) -> bool:
    """Whether an alert is not closed, and its severity is one that this version knows."""
    return record.get("action") != "close" and record.get("severity") in SEVERITIES


@once
def _present(picture: Picture) -> list[AttackRow]:
    return _rows(picture, picture.site.alerts, picture.site.nodes)


def _rows(picture: Picture, alerts: Iterable[Record], nodes: Mapping[str, Node]) -> list[AttackRow]:
    ends, networks = picture.site.ends, picture.site.networks
    # A device is in many alerts.
    known: dict[str, EndRow] = {}

    def host(end: Record, record: Record) -> EndRow:
        device = ends.device(end, record)
        row = known.get(device) or _end(end, device, networks, nodes)
        if device in nodes:
            known[device] = row
        return row

    found = (row for record in filter(is_open, alerts) for row in _of(record, host))
    return sorted(found, key=lambda row: (-row.severity, -row.last, row.alert))


def _of(record: Record, host_of_end: Callable[[Record, Record], EndRow]) -> Iterator[AttackRow]:
    """A row for each target; one from the actor to itself for an alert that names no other host."""
    alert, severity = part(record, "alert"), SEVERITIES.index(record["severity"])
    named = [part(record, "src"), *(objects(record.get("targets")) or [part(record, "dst")])]
    hosts = [host for end in named if (host := host_of_end(end, record)).id] or [EndRow("")]
    others = {(one.id, one.address): one for one in hosts if one != hosts[0]}
    first, last = (time_or(tidy(alert.get(name)), 0) for name in ("first", "last"))
    title, name = tidy(alert.get("title")) or tidy(alert.get("detector")), tidy(alert.get("id"))
    for target in [*others.values()] or hosts[:1]:
        yield AttackRow(hosts[0], target, title, "", 0, first, last, name, severity)


def _end(end: Record, device: str, networks: Networks, nodes: Mapping[str, Node]) -> EndRow:
    """A device, an external host or another internal address; without id for no host."""
    node, place = nodes.get(device), tidy(host_of(end))
    if node is not None:
        return node_end(node)
    address = address_of(place)
    outside = address and not networks.inside(address) and not is_multicast(address)
    return EndRow(OUTSIDE if outside else place, tidy(end.get("hostname")), place)
