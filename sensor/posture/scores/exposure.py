"""The exposure score: how much there is to fix on a device, in a segment and on the site, 0 to 100 in three bands, with
every term shown.

A device has five terms. Each takes its share of what the terms before it left of 100, so that one severe fault is
enough for a high score, many small ones are not, no score exceeds 100, and no fix ever raises a score:

  weaknesses   points of the worst; all others together add up to 15 % of what is left (``MORE``), half of that once
               they reach 69 points
  attack       80 % of the risk of the most severe alert with it as actor (it may be compromised), 40 % as target; all
               others add as above. Alerts of medium severity and above about attacks count, until they are closed or
               were silent for 14 days
  reach        25 reachable from the internet, 5 internet access, 5 workstations in its segment
  unknown      3 its type, 3 its firmware: what is not known cannot be assessed
  criticality  30 % of the points so far if the operator called it critical, 15 % if high: what matters most counts
               more, but criticality alone is no fault

A segment and the site have two: 70 % of the score of the worst device, 30 % of the mean of the worst tenth of the
devices. The first shows one compromised camera among 500 PCs; the second shows whether it is the only one, and falls
with each device that is fixed. A mean of all would hide both. Devices that are gone do not count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from sensor.posture.scores.causes import BESIDE, INTERNET, REACHED, AttackSign, Causes, causes_of
from sensor.posture.site import Node, Site

# Largest share of the remainder to 100 that all but the worst weakness add, and points at which they add two thirds (1
# − 1/e) of that.
MORE, MANY = 0.15, 100.0
ACTOR, TARGET = 0.8, 0.4
REACH = {REACHED: 25.0, INTERNET: 5.0, BESIDE: 5.0}
UNKNOWN = 3.0
CRITICALITY = {"critical": 0.3, "high": 0.15}
WORST, SPREAD, TENTH = 0.7, 0.3, 10
HIGH, MEDIUM, LOW = "high", "medium", "low"
BANDS = ((50.0, HIGH), (20.0, MEDIUM), (0.0, LOW))
REASONS = {REACHED: "reachable from the internet", INTERNET: "internet access", BESIDE: "workstations in its segment"}


class Term(NamedTuple):
    """``points``: its contribution; ``value``: on its own, of 100 (for segments and the site: the score that it uses);
    ``of``: ids that it depends on.
    """

    name: str
    points: float
    value: float
    why: str
    of: tuple[str, ...] = ()


class Exposure(NamedTuple):
    """``points``: the sum of the terms."""

    points: float
    band: str
    terms: tuple[Term, ...]


class Exposures(NamedTuple):
    """Of all present devices, by id; of segments, by name. ``causes``: of the scores of devices."""

    site: Exposure
    devices: Mapping[str, Exposure]
    segments: Mapping[str, Exposure]
    causes: Mapping[str, Causes]


class Values(NamedTuple):
    """Of a device, each term on its own, of 100; ``criticality``: share of the points."""

    weaknesses: float
    attack: float
    reach: float
    unknown: float
    criticality: float


def exposures(site: Site) -> Exposures:
    """All scores of a site."""
    causes = causes_of(site)
    devices = _of_devices(causes)
    segments = grouped(site, devices, lambda node: node.segment)
    return Exposures(exposure_of_many(devices, site.nodes), devices, segments, causes)


def _of_devices(causes: Mapping[str, Causes]) -> dict[str, Exposure]:
    """The score of each device. Those without weaknesses and attacks have few different causes."""
    quiet: dict[Causes, Exposure] = {}
    found = {}
    for name, one in causes.items():
        if one.weaknesses or one.acts or one.suffers:
            found[name] = exposure_of(one)
        else:
            found[name] = quiet[one] if one in quiet else quiet.setdefault(one, exposure_of(one))
    return found


def grouped(site: Site, devices: Mapping[str, Exposure], name_of: Callable[[Node], str]) -> dict[str, Exposure]:
    """Scores of groups of devices with the same name; devices without a name belong to no group."""
    groups: dict[str, dict[str, Exposure]] = {}
    for device, exposure in devices.items():
        if name := name_of(site.nodes[device]):
            groups.setdefault(name, {})[device] = exposure
    return {name: exposure_of_many(some, site.nodes) for name, some in groups.items()}


def band_of(points: float) -> str:
    return next(band for least, band in BANDS if points >= least)


# One device.


def values_of(causes: Causes) -> Values:
    """The terms on their own."""
    return Values(
        combined([one.points for one in causes.weaknesses]),
        attack_of(causes.acts, causes.suffers),
        sum(REACH[way] for way in causes.reach),
        UNKNOWN * len(causes.unknown),
        CRITICALITY.get(causes.criticality, 0.0),
    )


def attack_of(acts: Iterable[AttackSign], suffers: Iterable[AttackSign]) -> float:
    return combined([*(one.risk * ACTOR for one in acts), *(one.risk * TARGET for one in suffers)])


def combined(points: Sequence[float]) -> float:
    """The worst, and a little for all others."""
    if not points:
        return 0.0
    worst = max(points)
    return worst + (100 - worst) * MORE * (1 - math.exp((worst - sum(points)) / MANY))


def steps_of(values: Values) -> list[float]:
    """The score after each term."""
    points, steps = 0.0, []
    for value in values[:-1]:
        points += (100 - points) * value / 100
        steps.append(points)
    return [*steps, points + (100 - points) * values.criticality * points / 100]


def points_of(values: Values) -> float:
    return round(steps_of(values)[-1], 1)


def exposure_of(causes: Causes) -> Exposure:
    """Score of one device."""
    values = values_of(causes)
    return _summed(
        zip(Values._fields, steps_of(values), _shown(values), _whys(causes, values), _ids(causes), strict=True)
    )


def _shown(values: Values) -> tuple[float, ...]:
    return *(round(value, 1) for value in values[:-1]), round(100 * values.criticality, 1)


def _whys(causes: Causes, values: Values) -> tuple[str, ...]:
    """Explanation of each term, also if it adds nothing."""
    weak, criticality = causes.weaknesses, causes.criticality
    worst = f"{weak[0].points:.1f} {weak[0].name}: {weak[0].title}" if weak else "no known weakness"
    signs = [(one.risk * ACTOR, f"as actor: {one.title}") for one in causes.acts] + [
        (one.risk * TARGET, f"as target: {one.title}") for one in causes.suffers
    ]
    strongest = max(signs, default=(0.0, ""))
    return (
        worst + _and_more(len(weak), values.weaknesses - weak[0].points if weak else 0.0),
        (f"{strongest[0]:.1f} {strongest[1]}" if signs else "no attack observed")
        + _and_more(len(signs), values.attack - strongest[0]),
        ", ".join(f"{REASONS[way]} +{REACH[way]:g}" for way in causes.reach)
        or "no inbound traffic from the internet was observed",
        ", ".join(f"unknown {what} +{UNKNOWN:g}" for what in causes.unknown) or "type and firmware are known",
        f"{criticality}: {values.criticality:.0%} of the points so far"
        if values.criticality
        else f"criticality {criticality or 'not set'}",
    )


def _and_more(count: int, points: float) -> str:
    return f"; {count - 1:,} more add {points:.1f}" if count > 1 else ""


def _ids(causes: Causes) -> tuple[tuple[str, ...], ...]:
    return (
        tuple(one.id for one in causes.weaknesses),
        tuple(one.id for one in (*causes.acts, *causes.suffers)),
        (),
        (),
        (),
    )


def _summed(parts: Iterable[tuple[str, float, float, str, tuple[str, ...]]]) -> Exposure:
    """Terms that add up exactly to the rounded score: each is the increase of the rounded sum."""
    points, terms = 0.0, []
    for name, step, value, why, of in parts:
        before, points = points, round(step, 1)
        terms.append(Term(name, round(points - before, 1), value, why, of))
    return Exposure(points, band_of(points), tuple(terms))


# Several devices.


def tenth_of(count: int) -> int:
    """Number of devices in the worst tenth."""
    return -(-count // TENTH)


def spread_of(total: float, count: int) -> float:
    """The mean of scores with one digit, from their sum."""
    return round(total, 1) / count


def joined(worst: float, mean: float) -> float:
    """The score of several devices from the worst and the mean of the worst tenth."""
    return WORST * worst + SPREAD * mean


def exposure_of_many(devices: Mapping[str, Exposure], nodes: Mapping[str, Node]) -> Exposure:
    """Score of a segment or the site, from the scores of its devices."""
    if not devices:
        return Exposure(0.0, LOW, ())
    ranked = sorted(devices, key=lambda name: (-devices[name].points, name))
    tenth = ranked[: tenth_of(len(ranked))]
    worst, mean = devices[ranked[0]].points, spread_of(sum(devices[name].points for name in tenth), len(tenth))
    several = f"the worst tenth: {len(tenth):,} of {len(ranked):,} devices" if len(ranked) > 1 else "only one device"
    return _summed(
        (
            ("worst", WORST * worst, worst, f"{nodes[ranked[0]].text}: {worst:.1f}", (ranked[0],)),
            ("spread", joined(worst, mean), round(mean, 1), f"{several}, {mean:.1f} on average", tuple(tenth)),
        )
    )
