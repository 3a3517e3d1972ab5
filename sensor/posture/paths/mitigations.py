"""Mitigations of paths as text: the action, the number of devices, and the next command."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from sensor.core.reader import clean
from sensor.core.service_names import service_text
from sensor.inventory.rules import plain_service
from sensor.posture.administration import ADMINISTRATION
from sensor.posture.paths.breaks import APART, BORDER, FIX, RULE, edges_of
from sensor.posture.paths.costs import SHARES
from sensor.posture.paths.facts import ANY
from sensor.posture.paths.graph import OUTER
from sensor.posture.paths.paths import Paths
from sensor.posture.site import Node
from sensor.posture.weakness import VULNERABILITY

WORDS_LIMIT = 256


class Mitigation(NamedTuple):
    """``title``: the action; ``commands``: that show details, or generate it; ``devices``: affected ids."""

    title: str
    commands: tuple[str, ...]
    devices: tuple[str, ...]


def mitigation(paths: Paths, sort: str, what: int | str) -> Mitigation:
    """The mitigation for a ``Break``, or for a cut of a hop."""
    if sort == FIX:
        return _fix(paths, str(what))
    if sort == APART:
        segment = paths.about.graph.segments[int(what) - paths.about.graph.first_segment]
        homes = tuple(name for name, node in paths.site.nodes.items() if node.segment == segment and not node.gone)
        return Mitigation(
            (f"isolate the hosts of {segment} from each other: isolated ports, a private VLAN, or host firewalls"),
            (),
            homes,
        )
    return _border(paths, int(what)) if sort == BORDER else _rule(paths, sort, int(what))


def _rule(paths: Paths, sort: str, node: int) -> Mitigation:
    graph = paths.about.graph
    owner, service = graph.of_service(node)
    server, few = _node(paths, owner), sort == RULE
    services = [graph.of_service(int(one))[1] for one in np.flatnonzero(graph.doors == node)] if service != ANY else []
    what = ", ".join(map(service_text, services)) or "any service"
    # File shares are administration in a session of two workstations, but users need those of a server.
    users = "its administrators" if set(services) <= ADMINISTRATION - SHARES else "its observed clients"

    options = [f" --service {plain_service(one)}" for one in services] or [""]
    commands = _commands(
        f"--address {_word(server.address)}", (f"{one} --everyone{' --allow seen' if few else ''}" for one in options)
    )
    title = f"restrict {what} of {server.text} to {users}" if few else f"block all access to {what} of {server.text}"
    return Mitigation(title, commands if _word(server.address) else (), (server.id,))


def _border(paths: Paths, node: int) -> Mitigation:
    """Block the external peers that the alerts name."""
    graph, device = paths.about.graph, _node(paths, node)
    mine = np.flatnonzero(edges_of(paths.about, BORDER, node)).tolist()
    alerts = dict.fromkeys(
        _word(paths.about.alerts[graph.ref[edge]]["alert"].get("id")) for edge in mine if graph.ref[edge] >= 0
    )
    action = (
        "the external host that contacts it"
        if any(graph.src[edge] == OUTER for edge in mine)
        else "the host that controls it"
    )
    return Mitigation(f"block {device.text} from {action}", _commands("", filter(None, alerts)), (device.id,))


def _fix(paths: Paths, key: str) -> Mitigation:
    mine = [one for one in paths.about.weaknesses if one.fix.key == key]
    where = tuple(dict.fromkeys(one.device for one in mine))
    title = clean(mine[0].fix.title, WORDS_LIMIT)
    whose = paths.site.nodes[where[0]].text if len(where) == 1 else f"{len(where):,} devices"
    name, address = _word(mine[0].name), _word(paths.site.nodes[where[0]].address or where[0])
    more = f"sensor vulns show {name}" if mine[0].kind == VULNERABILITY else f"sensor posture recommendations {address}"
    return Mitigation(f"{title}, on {whose}", (more,) if name and address else (), where)


def _commands(start: str, ends: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"sensor firewall suggest {start}{end}" for end in ends)


def _word(value: object) -> str:
    """A value of a log that is safe within a command, which users paste; empty if it is not."""
    return value if isinstance(value, str) and re.fullmatch(r"[\w.:][\w.:-]{0,63}", value, re.ASCII) else ""


def _node(paths: Paths, number: int) -> Node:
    return paths.site.nodes[paths.about.graph.devices[number - 1]]
