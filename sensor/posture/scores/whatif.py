"""What-if analysis: the score after each fix of a device, and after those fixes that lower the score of the site most.

A fix applies to all devices that have a weakness with its key. Resolving the alerts with one device as actor is also a
fix, and applies to all of them; so is blocking external access to a device.

The score is the best case: an update may have its own weaknesses, and the version found by determining the firmware may
be vulnerable.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import NamedTuple

from sensor.posture.scores.causes import FIRMWARE, REACHED, SHUT, Causes
from sensor.posture.scores.exposure import (
    REACH,
    UNKNOWN,
    Values,
    attack_of,
    combined,
    joined,
    points_of,
    spread_of,
    tenth_of,
    values_of,
)
from sensor.posture.weakness import FIND_OUT, Fix

BEST = 10

# Lowered scores of devices → score of all.
Score = Callable[[Mapping[str, float]], float]


class Fixed(NamedTuple):
    """A fix. ``points``: the score afterwards; ``together``: the score after it and the fixes before it in the list;
    ``devices``: that it fixes, with their scores afterwards; ``lowers``: total decrease of these; ``fixes``: names of
    weaknesses, ids of alerts.
    """

    fix: Fix
    points: float
    together: float
    devices: Mapping[str, float]
    lowers: float
    fixes: tuple[str, ...]


class _Work:
    """A fix with all that it resolves, in order."""

    def __init__(self, fix: Fix) -> None:
        self.fix = fix
        self.devices: dict[str, None] = {}
        self.fixes: dict[str, None] = {}


def fixed_device(causes: Mapping[str, Causes], name: str) -> list[Fixed]:
    """The fixes of one device, most effective first."""
    return _best({name: causes[name]}, lambda _: lambda scores: scores[name])


def fixed_site(causes: Mapping[str, Causes], count: int = BEST) -> list[Fixed]:
    """The most effective fixes for the score of the site; among equals, those that lower device scores more."""
    return _best(causes, lambda scores: _Ranked(scores).after, count)


def _best(
    causes: Mapping[str, Causes], score_of: Callable[[Mapping[str, float]], Score], count: int | None = None
) -> list[Fixed]:
    """``score_of``: from the scores of some devices after a fix, the score of all of them."""
    values = {name: values_of(one) for name, one in causes.items()}
    before = {name: points_of(one) for name, one in values.items()}
    evaluate, found = score_of(before), []
    for work in _works(causes):
        devices = {
            name: points_of(_without(values[name], causes[name], {work.fix.key: work.fix})) for name in work.devices
        }
        lowers = round(sum(before[name] - points for name, points in devices.items()), 1)
        found.append(Fixed(work.fix, evaluate(devices), 0.0, devices, lowers, tuple(work.fixes)))
    found.sort(key=lambda one: (one.points, -one.lowers, one.fix.key))
    done: dict[str, Fix] = {}
    fallen: dict[str, float] = {}
    for place, one in enumerate(found[:count]):
        done[one.fix.key] = one.fix
        fallen |= {name: points_of(_without(values[name], causes[name], done)) for name in one.devices}
        found[place] = one._replace(together=evaluate(fallen))
    return found[:count]


def _works(causes: Mapping[str, Causes]) -> Iterable[_Work]:
    found: dict[str, _Work] = {}
    for name, one in causes.items():
        needed: list[tuple[Fix, str]] = [
            *((weak.fix, weak.name) for weak in one.weaknesses),
            *((sign.fix, sign.id) for sign in (*one.acts, *one.suffers)),
        ]
        needed += [(SHUT, REACHED)] if REACHED in one.reach else []
        for fix, what in needed:
            work = found.get(fix.key) or found.setdefault(fix.key, _Work(fix))
            work.devices[name] = work.fixes[what] = None
    return found.values()


def _without(values: Values, causes: Causes, done: Mapping[str, Fix]) -> Values:
    """A device after some fixes. A fix that determines the firmware makes it known."""
    found_out = FIRMWARE in causes.unknown and any(
        fix.steps == FIND_OUT and _needs(causes, fix) for fix in done.values()
    )
    left = [one.points for one in causes.weaknesses if one.fix.key not in done]
    acts, suffers = ([one for one in signs if one.fix.key not in done] for signs in (causes.acts, causes.suffers))
    reach = values.reach - (REACH[REACHED] if SHUT.key in done and REACHED in causes.reach else 0.0)
    return Values(
        combined(left),
        attack_of(acts, suffers),
        reach,
        values.unknown - (UNKNOWN if found_out else 0.0),
        values.criticality,
    )


def _needs(causes: Causes, fix: Fix) -> bool:
    return any(one.fix.key == fix.key for one in causes.weaknesses)


class _Ranked:
    """Scores of devices, for many queries of the total after some of them are lowered; the cost of a query depends only
    on the lowered ones.
    """

    def __init__(self, scores: Mapping[str, float]) -> None:
        self._scores = scores
        self._order = sorted(scores, key=lambda name: -scores[name])
        self._tenth = tenth_of(len(scores))
        self._top, self._rest = frozenset(self._order[: self._tenth]), self._order[self._tenth :]
        self._total = sum(scores[name] for name in self._top)

    def after(self, fallen: Mapping[str, float]) -> float:
        """The total score. Places in the worst tenth that become free are filled by the worst of the lowered or next
        devices.
        """
        free = [name for name in fallen if name in self._top]
        total = self._total - sum(self._scores[name] for name in free)
        following = islice((self._scores[name] for name in self._rest if name not in fallen), len(free))
        total += sum(heapq.nlargest(len(free), [*fallen.values(), *following]))
        worst = max([next((self._scores[name] for name in self._order if name not in fallen), 0.0), *fallen.values()])
        return round(joined(worst, spread_of(total, self._tenth)), 1)
