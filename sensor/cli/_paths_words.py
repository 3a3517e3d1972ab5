"""``sensor paths``: paths as people, programs and Graphviz read them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sensor.cli._setup import complain
from sensor.cli._show import coloured, paint, put, tidy
from sensor.core.record_parts import time_text
from sensor.inventory.habits import OUTSIDE
from sensor.inventory.services import service_text
from sensor.posture.lookup import handles, mac_of
from sensor.posture.paths.breaks import Break
from sensor.posture.paths.costs import LIMIT, MUCH
from sensor.posture.paths.hops import Hop
from sensor.posture.paths.paths import Path, Paths
from sensor.posture.paths.words import deed
from sensor.posture.site import Site

PATHS_SHOWN, SOURCES_SHOWN, BREAKS_SHOWN = 20, 3, 8
ASSUMED = "assumed"


def named(site: Site, what: str | None, *, outside: bool) -> str | None:
    """The id of a device by id, address, MAC or name; empty where none was named; None after it was said that it is not known."""
    if what is None:
        return ""
    if outside and what.casefold() == OUTSIDE:
        return OUTSIDE
    mac, word = mac_of(what), what.casefold().rstrip(".")
    found = [name for name, node in site.nodes.items() if not node.gone and (mac in (held := handles(node.record)) or word in held)]
    if len(found) != 1:
        complain(
            f"{what!r} is ambiguous: any of {', '.join(found)}: name one by its id" if found else f"no device {what!r}: `sensor devices` lists them",
            error="device.unknown",
        )
        return None
    return found[0]


# For people.


def put_told(paths: Paths) -> None:
    colours = coloured(sys.stdout)
    blocks = ["\n".join(_heading(paths)), *("\n".join(_path(paths, one, colours)) for one in paths.paths[:PATHS_SHOWN])]
    if paths.ways > PATHS_SHOWN:
        blocks.append(f"and {paths.ways - PATHS_SHOWN:,} more, that cost as much or more: name a start with --from, or a goal with --to")
    put("\n\n".join([*blocks, "\n".join(_breaks(paths, colours))]) if paths.pairs else blocks[0])


def _heading(paths: Paths) -> Iterator[str]:
    starts, goals = len(paths.sources), len(paths.goals)
    yield f"goals: {_some(paths, paths.goals) or 'none'} ({paths.chosen})"
    if paths.more_goals:
        yield f"omitted (size limit): {paths.more_goals:,} more goals: name one with --to"
    if paths.site.seen.habits is None:
        yield "no baseline was read: who uses which service is unknown; name the folder of an inventory with --state"
    yield f"{paths.pairs:,} of {starts * goals:,} pairs of a start and a goal have a path that costs less than {LIMIT}"


def _path(paths: Paths, path: Path, colours: bool) -> Iterator[str]:
    yield paint(f"cost {path.cost}: {_many(paths, path.sources)} → {_text(paths, path.goal)}", "bold", colours)
    yield f"  {_some(paths, path.sources)}"
    for depth, hop in enumerate(path.hops):
        margin = "  " + "   " * depth
        yield f"{margin}└─ {_text(paths, hop.target)}  +{hop.cost}"
        for why in hop.why:
            yield paint(f"{margin}     {tidy(why)}", "dim" if hop.assumed else "", colours)
        if hop.cuts:
            yield f"{margin}     cut by: {'; or '.join(tidy(deed(paths, *one).title.partition(': ')[0]) for one in hop.cuts)}"
    for other in path.others:
        yield f"  otherwise by {', '.join(_text(paths, hop.target) for hop in other.hops[:-1]) or 'the goal itself'}, cost {other.cost}"


def _breaks(paths: Paths, colours: bool) -> Iterator[str]:
    yield paint("choke points: each removed, and paths searched again", "bold", colours)
    if not paths.breaks:
        yield "  no single rule, fix or segment breaks a path"
    for one in paths.breaks[:BREAKS_SHOWN]:
        what = deed(paths, one.sort, one.what)
        users = f"; cuts {one.users:,} machine{'s' if one.users != 1 else ''} off that used it" if one.users else ""
        yield f"  {one.broken:,} of {paths.pairs:,}: {tidy(what.title)}{users}"
        yield from (f"      {tidy(command)}" for command in what.commands)
    yield f"  broken is what has no path left, or one that costs {MUCH} more"


def _many(paths: Paths, names: Sequence[str]) -> str:
    if len(names) == 1:
        return _text(paths, names[0])
    kinds = Counter(tidy(paths.site.nodes[name].type).replace("_", " ") for name in names)
    return f"{len(names):,} devices ({', '.join(f'{count} {kind}' for kind, count in kinds.most_common(4))}{' …' if len(kinds) > 4 else ''})"


def _some(paths: Paths, names: Sequence[str]) -> str:
    more = f" and {len(names) - SOURCES_SHOWN:,} more" if len(names) > SOURCES_SHOWN else ""
    return ", ".join(_text(paths, name) for name in names[:SOURCES_SHOWN]) + more


def _text(paths: Paths, name: str) -> str:
    return name if name == OUTSIDE else tidy(paths.site.nodes[name].text)


# For programs.


def put_json(paths: Paths) -> None:
    """Paths, then what breaks them, then what it is all about, one object a line."""
    bodies = [*({"kind": "path", **_path_body(paths, one)} for one in paths.paths), *({"kind": "break", **_break_body(paths, one)} for one in paths.breaks)]
    about = {
        "kind": "summary", "sources": len(paths.sources), "goals": list(paths.goals), "chosen": paths.chosen, "goals_left_out": paths.more_goals,
        "pairs": paths.pairs, "ways": paths.ways, "baseline": paths.site.seen.habits is not None, "cost_limit": LIMIT, "cost_much": MUCH,
    }  # fmt: skip
    for body in (*bodies, about):
        put(json.dumps(body, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))


def _path_body(paths: Paths, path: Path) -> dict[str, Any]:
    body = {"cost": path.cost, "sources": list(path.sources), "goal": path.goal, "hops": [_hop_body(paths, hop) for hop in path.hops]}
    return body | ({"others": [_path_body(paths, one) for one in path.others]} if path.others else {})


def _hop_body(paths: Paths, hop: Hop) -> dict[str, Any]:
    use, weakness = hop.use, hop.weakness
    body = {
        "from": hop.source, "to": hop.target, "from_text": _text(paths, hop.source), "to_text": _text(paths, hop.target), "cost": hop.cost,
        "service": service_text(hop.service) if hop.service else "", "assumed": hop.assumed, "why": [tidy(one) for one in hop.why],
        "alert": hop.alert, "weakness": weakness.id if weakness is not None else "",
        "seen": {"count": use.count, "first": time_text(use.first), "last": time_text(use.last)} if use is not None else {},
        "cut_by": [tidy(deed(paths, *one).title) for one in hop.cuts],
    }  # fmt: skip
    return {key: value for key, value in body.items() if value not in ("", {}, [])}


def _break_body(paths: Paths, one: Break) -> dict[str, Any]:
    what = deed(paths, one.sort, one.what)
    body = {"sort": one.sort, "title": tidy(what.title), "broken": one.broken, "pairs": paths.pairs, "goals": one.goals, "users": one.users}
    return body | {"commands": list(map(tidy, what.commands)), "devices": list(what.devices)}


# For Graphviz.


def put_dot(paths: Paths) -> None:
    """Devices of all paths that are told, starts on the left, those that go the same way in one box; what is assumed is dashed."""
    put("\n".join(_dot(paths)))


def _dot(paths: Paths) -> Iterator[str]:
    yield 'digraph paths {\n  rankdir=LR;\n  node [shape=box, fontname="sans-serif"];\n  edge [fontname="sans-serif", fontsize=10];'
    hops: dict[tuple[str, str], Hop] = {}
    labels: dict[str, str] = {}
    for path in paths.paths:
        start = path.sources[0] if len(path.sources) == 1 else " ".join(path.sources)
        labels[start] = _many(paths, path.sources)
        first, *rest = path.hops
        hops |= {(hop.source, hop.target): hop for hop in (first._replace(source=start), *rest, *(hop for one in path.others for hop in one.hops))}
    names = {name: f"n{number}" for number, name in enumerate(dict.fromkeys(end for pair in hops for end in pair))}
    for name, node in names.items():
        style = ", style=bold, color=red" if name in paths.goals else ", shape=ellipse" if name == OUTSIDE else ""
        yield f"  {node} [label={_quoted(labels.get(name) or _text(paths, name))}{style}];"
    for (source, target), hop in hops.items():
        label = f"{service_text(hop.service)} +{hop.cost}" if hop.service else f"+{hop.cost}"
        yield f"  {names[source]} -> {names[target]} [label={_quoted(label)}{', style=dashed' if hop.assumed else ''}];"
    yield "}"


def _quoted(text: str) -> str:
    """A string of the DOT language: a quote and a backslash are escaped, so that nothing that a peer calls itself ends it or is an escape of labels."""
    return '"' + tidy(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
