"""Attack paths to critical devices, and the fixes that break most of them."""

from __future__ import annotations

from sensor.core.reader import clean
from sensor.inventory.habits import OUTSIDE
from sensor.posture.paths.hops import Hop
from sensor.posture.paths.mitigations import mitigation
from sensor.posture.paths.paths import Path, Paths
from sensor.report.model import PathChange, PathStep, ReportedPath, ReportedPaths

PATHS_LIMIT, SOURCES_LIMIT, BREAKERS_LIMIT = 40, 12, 10


def reported_paths(paths: Paths) -> ReportedPaths | None:
    """None if there are no paths."""
    if not paths.pairs:
        return None
    return ReportedPaths(
        goals=[_text(paths, name) for name in paths.goals],
        chosen=paths.chosen,
        pairs=paths.pairs,
        ways=paths.ways,
        roads=[_reported_path(paths, one) for one in paths.paths[:PATHS_LIMIT]],
        breakers=[
            PathChange(title=clean(mitigation(paths, one.sort, one.what).title), broken=one.broken, users=one.users)
            for one in paths.breaks[:BREAKERS_LIMIT]
        ],
    )


def _reported_path(paths: Paths, path: Path) -> ReportedPath:
    return ReportedPath(
        cost=path.cost,
        sources=[_text(paths, name) for name in path.sources[:SOURCES_LIMIT]],
        more_sources=max(len(path.sources) - SOURCES_LIMIT, 0),
        goal=_text(paths, path.goal),
        stops=[_stop(paths, hop) for hop in path.hops],
    )


def _stop(paths: Paths, hop: Hop) -> PathStep:
    cuts = [clean(mitigation(paths, *one).title) for one in hop.cuts]
    return PathStep(
        at=_text(paths, hop.target),
        cost=hop.cost,
        why=[clean(one) for one in hop.why],
        assumed=hop.assumed,
        alert=hop.alert,
        cuts=cuts,
    )


def _text(paths: Paths, name: str) -> str:
    return "an external host" if name == OUTSIDE else paths.site.nodes[name].text
