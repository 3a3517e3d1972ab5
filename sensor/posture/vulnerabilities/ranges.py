"""The position of a version relative to the versions that a record names: affected, not affected, or unknown.

A version in a packet may be abbreviated (8.1 for 8.1.3), and a record may mean all of 11.5 by "up to 11.5": if the
answer depends on that, it is *unknown*. The same applies to a track that the record does not mention, and to a version
that a record of single versions does not list: they are often only those that were tested.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NamedTuple

from sensor.posture.vulnerabilities.versions import Order, Scheme, Version, begins, order

# Number of single versions in an explanation.
VERSIONS_SHOWN = 3


class AffectedStatus(enum.Enum):
    """Whether a device is affected."""

    AFFECTED = "affected"
    NOT_AFFECTED = "not affected"
    UNKNOWN = "unknown"


class Range(NamedTuple):
    """Versions from ``start`` (included, unless ``after``) to ``end`` (excluded, unless ``through``); an empty bound is
    open.
    """

    start: str = ""
    end: str = ""
    after: bool = False
    through: bool = False

    @property
    def single(self) -> bool:
        """Whether it has one version only."""
        return self.start == self.end != ""

    def __str__(self) -> str:
        if not self.start and not self.end:
            return "all versions"
        if self.single:
            return self.start
        start = f"{'above' if self.after else 'from'} {self.start}" if self.start else ""
        end = f"{'up to' if self.through else 'before'} {self.end}" if self.end else ""
        return f"{start} {end}".strip()


class VersionPosition(enum.Enum):
    """Position of a version relative to one range."""

    INSIDE = enum.auto()
    OUTSIDE = enum.auto()
    ELSEWHERE = enum.auto()
    UNCLEAR = enum.auto()


class Answer(NamedTuple):
    """A verdict and its explanation."""

    verdict: AffectedStatus
    reason: str


def evaluate(scheme: Scheme, version: str, ranges: Sequence[Range]) -> Answer:
    """Whether a version is among the affected ones."""
    places: dict[VersionPosition, Range] = {}
    for one in ranges:
        place = place_of(scheme, version, one)
        if place is VersionPosition.INSIDE:
            return Answer(AffectedStatus.AFFECTED, f"{version} is among the affected versions: {one}")
        places.setdefault(place, one)
    if VersionPosition.UNCLEAR in places:
        unclear = places[VersionPosition.UNCLEAR]
        return Answer(AffectedStatus.UNKNOWN, f"{version} cannot be compared reliably with {unclear}")
    if VersionPosition.OUTSIDE in places:
        if not scheme.listed and all(one.single for one in ranges):
            return Answer(AffectedStatus.UNKNOWN, _not_listed(version, ranges))
        outside = places[VersionPosition.OUTSIDE]
        return Answer(AffectedStatus.NOT_AFFECTED, f"{version} is not among the affected versions: {outside}")
    if places:
        branch = places[VersionPosition.ELSEWHERE]
        return Answer(
            AffectedStatus.UNKNOWN,
            f"{version} is on another release branch than the listed affected versions: {branch}",
        )
    return Answer(AffectedStatus.UNKNOWN, "the record contains no comparable versions")


def _not_listed(version: str, ranges: Sequence[Range]) -> str:
    more = f" and {len(ranges) - VERSIONS_SHOWN:,} more" if len(ranges) > VERSIONS_SHOWN else ""
    names = ", ".join(one.start for one in ranges[:VERSIONS_SHOWN]) + more
    return f"the record names single affected versions only ({names}); {version} is not listed"


def place_of(scheme: Scheme, version: str, one: Range) -> VersionPosition:
    """The position of a version relative to a range."""
    if not one.start and not one.end:
        return VersionPosition.INSIDE
    own, start, end = scheme.read(version), scheme.read(one.start), scheme.read(one.end)
    if own is None or (one.start and start is None) or (one.end and end is None):
        return VersionPosition.UNCLEAR
    if start is not None and (end is None or not scheme.branches) and own.track != start.track:
        return VersionPosition.ELSEWHERE
    begun = _begun(scheme, own, start, one) if start is not None else VersionPosition.INSIDE
    if begun is not VersionPosition.INSIDE or end is None:
        return begun
    return _ended(scheme, own, end, one) if own.track == end.track else VersionPosition.ELSEWHERE


def _begun(scheme: Scheme, own: Version, start: Version, one: Range) -> VersionPosition:
    """INSIDE if the version is not before the range. Branches include what they branched from: their numbers decide,
    whatever the track.
    """
    relation = order(own.tokens, start.tokens)
    if relation is Order.UNKNOWN or (relation is Order.LESS and not scheme.whole and begins(own, start)):
        return VersionPosition.UNCLEAR
    if one.after and relation is Order.GREATER and not scheme.whole and begins(start, own):
        return VersionPosition.UNCLEAR
    return (
        VersionPosition.OUTSIDE
        if relation is Order.LESS or (one.after and relation is Order.EQUAL)
        else VersionPosition.INSIDE
    )


def _ended(scheme: Scheme, own: Version, end: Version, one: Range) -> VersionPosition:
    """INSIDE if the version is not after the range."""
    relation = order(own.tokens, end.tokens)
    if relation is Order.UNKNOWN or (relation is Order.LESS and not scheme.whole and begins(own, end)):
        return VersionPosition.UNCLEAR
    if relation is Order.GREATER and one.through and not scheme.whole and begins(end, own):
        return VersionPosition.UNCLEAR
    return (
        VersionPosition.INSIDE
        if relation is Order.LESS or (one.through and relation is Order.EQUAL)
        else VersionPosition.OUTSIDE
    )
