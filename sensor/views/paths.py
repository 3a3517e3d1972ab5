"""Attack paths to critical devices, and the choke points that break most of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from sensor.core.foreign import tidy
from sensor.core.record_parts import time_text
from sensor.core.service_names import service_text
from sensor.inventory.habits import OUTSIDE
from sensor.posture.paths.breaks import Break
from sensor.posture.paths.costs import LIMIT, MUCH
from sensor.posture.paths.hops import Hop
from sensor.posture.paths.mitigations import mitigation
from sensor.posture.paths.paths import Path, Paths, attack_paths
from sensor.posture.picture import Picture
from sensor.views.cached import once
from sensor.views.errors import Unknown, one_of
from sensor.views.listing import facets_of, page_of
from sensor.views.page import Page, mark_of


class PathFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``source``: device id, or ``outside`` (the internet); ``goal``: device id; empty: all."""

    source: str = ""
    goal: str = ""


EVERY_PATH = PathFilter()


class HopRow(msgspec.Struct, frozen=True):
    """A step from one device to the next. ``assumed``: without packets that show it; ``count``, ``first`` and ``last``:
    of the observed use; ``cut_by``: fixes and rules that remove it.
    """

    source: str
    target: str
    source_text: str
    target_text: str
    cost: int
    service: str
    assumed: bool
    why: list[str]
    alert: str
    weakness: str
    count: int
    first: str
    last: str
    cut_by: list[str]


class PathRow(msgspec.Struct, frozen=True):
    """The cheapest path from some sources to a goal. ``sources``: device ids, or ``outside``; ``others``: the next best
    paths of the first source.
    """

    sources: list[str]
    goal: str
    cost: int
    hops: list[HopRow]
    others: list[PathRow]


class BreakRow(msgspec.Struct, frozen=True):
    """A choke point. ``sort``: rule, close, border, fix or apart; ``broken``: pairs of source and goal that have no
    path after its removal, or one that costs ``cost_much`` more; ``users``: devices that use it and would lose access;
    ``commands``: commands of the sensor for the next step.
    """

    sort: str
    title: str
    broken: int
    goals: int
    users: int
    commands: list[str]
    devices: list[str]


class PathsView(msgspec.Struct, frozen=True):
    """``chosen``: why these are the goals; ``more_goals``: number of goals left out; ``pairs``: pairs of source and
    goal with a path; ``baseline``: whether a baseline was read: without one, the use of services is unknown.
    """

    page: Page[PathRow]
    breaks: list[BreakRow]
    sources: int
    goals: list[str]
    chosen: str
    more_goals: int
    pairs: int
    paths: int
    baseline: bool
    cost_limit: int
    cost_much: int


SORTS: dict[str, Callable[[PathRow], Any]] = {"cost": lambda row: row.cost, "goal": lambda row: (row.goal, row.cost)}


def paths(
    picture: Picture, wanted: PathFilter = EVERY_PATH, sort: str = "cost", *, limit: int = 20, cursor: str = ""
) -> PathsView:
    """A page of paths with all choke points. Raises Unknown or Malformed for invalid arguments."""
    one_of("sort", [sort], SORTS)
    there = [name for name, node in picture.site.nodes.items() if not node.gone]
    for name, known in ((wanted.source, [*there, OUTSIDE]), (wanted.goal, there)):
        if name and name not in known:
            raise Unknown("id", name, known)
    return view_of(
        attack_paths(picture.site, wanted.source, wanted.goal), mark_of("paths", wanted, sort), sort, limit, cursor
    )


@once
def cheapest(picture: Picture) -> PathsView:
    """The first page of all paths."""
    return paths(picture)


def view_of(found: Paths, mark: str, sort: str, limit: int, cursor: str) -> PathsView:
    """The results of a path search, as rows."""
    rows = sorted((_path(found, one) for one in found.paths), key=SORTS[sort])
    facets = facets_of(
        rows, {"goal": lambda row: row.goal, "from": lambda row: OUTSIDE if row.sources[0] == OUTSIDE else "device"}
    )
    page = page_of(rows, lambda row: f"{row.sources[0]} {row.goal} {row.cost}", facets, mark, limit, cursor)
    about = (len(found.sources), list(found.goals), found.chosen, found.more_goals, found.pairs, found.ways)
    return PathsView(
        page, [_break(found, one) for one in found.breaks], *about, found.site.seen.habits is not None, LIMIT, MUCH
    )


def _path(found: Paths, path: Path) -> PathRow:
    return PathRow(
        list(path.sources),
        path.goal,
        path.cost,
        [_hop(found, hop) for hop in path.hops],
        [_path(found, one) for one in path.others],
    )


def _hop(found: Paths, hop: Hop) -> HopRow:
    use = hop.use
    seen = (use.count, time_text(use.first), time_text(use.last)) if use is not None else (0, "", "")
    return HopRow(
        hop.source, hop.target, _text(found, hop.source), _text(found, hop.target), hop.cost,
        service_text(hop.service) if hop.service else "", hop.assumed,
        list(map(tidy, hop.why)), hop.alert, hop.weakness.id if hop.weakness is not None else "", *seen,
        [tidy(mitigation(found, *one).title) for one in hop.cuts],
    )  # fmt: skip


def _break(found: Paths, one: Break) -> BreakRow:
    what = mitigation(found, one.sort, one.what)
    return BreakRow(
        one.sort, tidy(what.title), one.broken, one.goals, one.users, list(map(tidy, what.commands)), list(what.devices)
    )


def _text(found: Paths, name: str) -> str:
    return "internet" if name == OUTSIDE else tidy(found.site.nodes[name].text)
