"""What if it were mended: the score after each fix of a device, and after those fixes that lower the score of the site most.

A fix mends all devices at once that have a weakness with its key. To deal with what one device did to others is a fix as well: it mends all of them.

The score is what it would be at best: an update may bring weaknesses of its own, and the firmware that is found out may be a vulnerable one.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import NamedTuple

from sensor.posture.causes import FIRMWARE, Causes, causes_of
from sensor.posture.exposure import UNKNOWN, Values, attack_of, joined, piled, points_of, spread_of, tenth_of, values_of
from sensor.posture.site import Site
from sensor.posture.weakness import FIND_OUT, Fix

BEST = 10


class Mended(NamedTuple):
    """A fix that is done. ``points``: the score afterwards; ``devices``: those that it mends, with their scores afterwards; ``lowers``: by how much the scores
    of all of them together fall; ``mends``: names of weaknesses and ids of alerts.
    """

    fix: Fix
    points: float
    devices: Mapping[str, float]
    lowers: float
    mends: tuple[str, ...]


class _Work:
    """A fix with all that it mends, in order."""

    def __init__(self, fix: Fix) -> None:
        self.fix = fix
        self.devices: dict[str, None] = {}
        self.mends: dict[str, None] = {}


def mended_device(site: Site, name: str) -> list[Mended]:
    """Each fix of one device, the one first that lowers its score most."""
    mine = causes_of(site)[name]
    values = values_of(mine)
    found = []
    for work in _works({name: mine}):
        after = points_of(_without(values, mine, work.fix))
        found.append(Mended(work.fix, after, {name: after}, round(points_of(values) - after, 1), tuple(work.mends)))
    return sorted(found, key=lambda one: (one.points, one.fix.key))


def mended_site(site: Site, count: int = BEST) -> list[Mended]:
    """So many fixes that lower the score of the site most, each by itself; of those that lower it alike, those that lower more of its devices' scores."""
    causes = causes_of(site)
    before = {name: values_of(one) for name, one in causes.items()}
    ranked = _Ranked({name: points_of(values) for name, values in before.items()})
    found = []
    for work in _works(causes):
        devices = {name: points_of(_without(before[name], causes[name], work.fix)) for name in work.devices}
        found.append(Mended(work.fix, ranked.after(devices), devices, ranked.lowered(devices), tuple(work.mends)))
    return heapq.nsmallest(count, found, key=lambda one: (one.points, -one.lowers, one.fix.key))


def _works(causes: Mapping[str, Causes]) -> Iterable[_Work]:
    found: dict[str, _Work] = {}
    for name, one in causes.items():
        needed = [*((weak.fix, weak.name) for weak in one.weaknesses), *((sign.fix, sign.id) for sign in (*one.acts, *one.suffers))]
        for fix, what in needed:
            work = found.get(fix.key) or found.setdefault(fix.key, _Work(fix))
            work.devices[name] = work.mends[what] = None
    return found.values()


def _without(values: Values, causes: Causes, fix: Fix) -> Values:
    """A device after a fix. Where it was to find out the firmware, that is known then."""
    known = UNKNOWN if fix.steps == FIND_OUT and FIRMWARE in causes.unknown else 0.0
    left = [one.points for one in causes.weaknesses if one.fix.key != fix.key]
    acts, suffers = ([one for one in signs if one.fix.key != fix.key] for signs in (causes.acts, causes.suffers))
    return values._replace(weaknesses=piled(left), attack=attack_of(acts, suffers), unknown=values.unknown - known)


class _Ranked:
    """Scores of devices, asked many times what becomes of all together when some of them fall; a question costs no more than what falls."""

    def __init__(self, scores: Mapping[str, float]) -> None:
        self._scores = scores
        self._order = sorted(scores, key=lambda name: -scores[name])
        self._tenth = tenth_of(len(scores))
        self._top, self._rest = frozenset(self._order[: self._tenth]), self._order[self._tenth :]
        self._total = sum(scores[name] for name in self._top)

    def after(self, fallen: Mapping[str, float]) -> float:
        """The score of all. Places in the worst tenth that became free go to the worst of those that fell or come next."""
        free = [name for name in fallen if name in self._top]
        total = self._total - sum(self._scores[name] for name in free)
        following = islice((self._scores[name] for name in self._rest if name not in fallen), len(free))
        total += sum(heapq.nlargest(len(free), [*fallen.values(), *following]))
        worst = max([next((self._scores[name] for name in self._order if name not in fallen), 0.0), *fallen.values()])
        return round(joined(worst, spread_of(total, self._tenth)), 1)

    def lowered(self, fallen: Mapping[str, float]) -> float:
        return round(sum(self._scores[name] - points for name, points in fallen.items()), 1)
