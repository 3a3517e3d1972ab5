"""``sensor paths``: paths as text, JSON and Graphviz."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from sensor.cli._colors import coloured, paint
from sensor.cli._setup import complain
from sensor.cli._show import part, put, tidy
from sensor.cli._table import for_terminal
from sensor.core.phrases import counted
from sensor.core.type_labels import type_label
from sensor.inventory.habits import OUTSIDE
from sensor.posture.lookup import devices_named
from sensor.posture.picture import Picture
from sensor.views.paths import HopRow, PathRow, PathsView

PATHS_SHOWN, SOURCES_SHOWN, BREAKS_SHOWN = 20, 3, 8
INTERNET = "internet"


def named(picture: Picture, what: str | None, *, outside: bool) -> str | None:
    """The id of a device by id, address, MAC or name; empty if none was named; None after an error if it is unknown."""
    if what is None:
        return ""
    if outside and what.casefold() in (INTERNET, OUTSIDE):
        return OUTSIDE
    ids = (tidy(part(record, "device").get("id")) for record in devices_named(picture.known, what))
    found = [name for name in ids if not picture.site.nodes[name].gone]
    if len(found) != 1:
        complain(
            f"{what!r} is ambiguous: any of {', '.join(found)}: specify one by its id"
            if found
            else f"no device {what!r}: `sensor devices` lists them",
            error="device.unknown",
        )
        return None
    return found[0]


# Text.


def put_text(paths: PathsView, picture: Picture) -> None:
    """Print paths and choke points."""
    page, colours = _PathText(paths, picture), coloured(sys.stdout)
    blocks = ["\n".join(page.heading()), *("\n".join(page.path(one, colours)) for one in paths.page.rows[:PATHS_SHOWN])]
    if paths.paths > PATHS_SHOWN:
        blocks.append(
            f"and {paths.paths - PATHS_SHOWN:,} more with the same or higher cost: specify a start with "
            "--from, or a goal with --to"
        )
    text = "\n\n".join([*blocks, "\n".join(page.breaks(colours))]) if paths.pairs else blocks[0]
    put(for_terminal(text, sys.stdout))


class _PathText:
    """Paths with the names of their devices."""

    def __init__(self, paths: PathsView, picture: Picture) -> None:
        self.paths, self.nodes = paths, picture.site.nodes

    def heading(self) -> Iterator[str]:
        paths = self.paths
        yield f"goals: {self.some(paths.goals) or 'none'} ({paths.chosen})"
        if paths.more_goals:
            yield f"omitted (size limit): {paths.more_goals:,} more goals: specify one with --to"
        if not paths.baseline:
            yield ("no baseline was read: service usage is unknown; specify the folder of an inventory with --state")
        yield (
            f"{paths.pairs:,} of {paths.sources * len(paths.goals):,} pairs of a start and a goal have a "
            f"path that costs less than {paths.cost_limit}"
        )

    def path(self, path: PathRow, colours: bool) -> Iterator[str]:
        yield paint(f"cost {path.cost}: {self.many(path.sources)} → {self.text(path.goal)}", "bold", colours)
        yield f"  {self.some(path.sources)}"
        for depth, hop in enumerate(path.hops):
            margin = "  " + "   " * depth
            yield f"{margin}└─ {hop.target_text}  +{hop.cost}"
            for why in hop.why:
                yield paint(f"{margin}     {why}", "dim" if hop.assumed else "", colours)
            if hop.cut_by:
                yield f"{margin}     broken by: {'; or '.join(one.partition(': ')[0] for one in hop.cut_by)}"
        for other in path.others:
            yield (
                f"  alternative: {', '.join(hop.target_text for hop in other.hops[:-1]) or 'the goal itself'}, "
                f"cost {other.cost}"
            )

    def breaks(self, colours: bool) -> Iterator[str]:
        yield paint("choke points: each removed, and paths searched again", "bold", colours)
        if not self.paths.breaks:
            yield "  no single rule, fix or segment breaks a path"
        for one in self.paths.breaks[:BREAKS_SHOWN]:
            users = f"; blocks {counted(one.users, 'host')} that used it" if one.users else ""
            yield f"  {one.broken:,} of {self.paths.pairs:,}: {one.title}{users}"
            yield from (f"      {command}" for command in one.commands)
        yield f"  broken: without any path left, or with one that costs {self.paths.cost_much} more"

    def many(self, names: Sequence[str]) -> str:
        """One device by its name, several as the number of each type."""
        if len(names) == 1:
            return self.text(names[0])
        kinds = Counter(type_label(tidy(self.nodes[name].type)) for name in names)
        return (
            f"{len(names):,} devices "
            f"({', '.join(f'{count} {kind}' for kind, count in kinds.most_common(4))}{' …' if len(kinds) > 4 else ''})"
        )

    def some(self, names: Sequence[str]) -> str:
        more = f" and {len(names) - SOURCES_SHOWN:,} more" if len(names) > SOURCES_SHOWN else ""
        return ", ".join(map(self.text, names[:SOURCES_SHOWN])) + more

    def text(self, name: str) -> str:
        return INTERNET if name == OUTSIDE else tidy(self.nodes[name].text)


# JSON.


def put_json(paths: PathsView, _: Picture) -> None:
    """Print paths, then choke points, then a summary, one object per line."""
    breaks = ({"kind": "break", **msgspec.to_builtins(one), "pairs": paths.pairs} for one in paths.breaks)
    about = {
        "kind": "summary", "sources": paths.sources, "goals": paths.goals, "chosen": paths.chosen,
        "goals_left_out": paths.more_goals,
        "pairs": paths.pairs, "ways": paths.paths, "baseline": paths.baseline, "cost_limit": paths.cost_limit,
        "cost_much": paths.cost_much,
    }  # fmt: skip
    for body in (*({"kind": "path", **_path_body(one)} for one in paths.page.rows), *breaks, about):
        put(json.dumps(body, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))


def _path_body(path: PathRow) -> dict[str, Any]:
    body = {"cost": path.cost, "sources": path.sources, "goal": path.goal, "hops": list(map(_hop_body, path.hops))}
    return body | ({"others": list(map(_path_body, path.others))} if path.others else {})


def _hop_body(hop: HopRow) -> dict[str, Any]:
    body = {
        "from": hop.source, "to": hop.target, "from_text": hop.source_text, "to_text": hop.target_text,
        "cost": hop.cost, "service": hop.service,
        "assumed": hop.assumed, "why": hop.why, "alert": hop.alert, "weakness": hop.weakness,
        "seen": {"count": hop.count, "first": hop.first, "last": hop.last} if hop.count else {}, "cut_by": hop.cut_by,
    }  # fmt: skip
    return {key: value for key, value in body.items() if value not in ("", {}, [])}


# Graphviz.


def put_dot(paths: PathsView, picture: Picture) -> None:
    """Devices of all paths, starts on the left, those with the same path in one box; assumed steps are dashed."""
    put("\n".join(_dot(paths, _PathText(paths, picture))))


def _dot(paths: PathsView, page: _PathText) -> Iterator[str]:
    yield (
        'digraph paths {\n  rankdir=LR;\n  node [shape=box, fontname="sans-serif"];\n  edge '
        '[fontname="sans-serif", fontsize=10];'
    )
    hops: dict[tuple[str, str], HopRow] = {}
    labels: dict[str, str] = {}
    for path in paths.page.rows:
        start = path.sources[0] if len(path.sources) == 1 else " ".join(path.sources)
        labels[start] = page.many(path.sources)
        first, *rest = path.hops
        hops |= {(start, first.target): first} | {
            (hop.source, hop.target): hop for hop in (*rest, *(hop for one in path.others for hop in one.hops))
        }
    names = {name: f"n{number}" for number, name in enumerate(dict.fromkeys(end for pair in hops for end in pair))}
    for name, node in names.items():
        style = ", style=bold, color=red" if name in paths.goals else ", shape=ellipse" if name == OUTSIDE else ""
        yield f"  {node} [label={_quoted(labels.get(name) or page.text(name))}{style}];"
    for (source, target), hop in hops.items():
        label = f"{hop.service} +{hop.cost}" if hop.service else f"+{hop.cost}"
        yield f"  {names[source]} -> {names[target]} [label={_quoted(label)}{', style=dashed' if hop.assumed else ''}];"
    yield "}"


def _quoted(text: str) -> str:
    """A DOT string: quotes and backslashes are escaped, so that no peer's name can end it or contain
    escapes of labels.
    """
    return '"' + tidy(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
