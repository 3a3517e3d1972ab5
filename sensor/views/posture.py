"""Exposure scores with their terms: the site, its devices, and its segments, types or vendors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from sensor.posture.picture import Picture
from sensor.posture.scores.exposure import BANDS, Exposure, Term, grouped
from sensor.posture.scores.whatif import Fixed, fixed_device, fixed_site
from sensor.posture.site import Node
from sensor.views.cached import once
from sensor.views.errors import Unknown, one_of
from sensor.views.known_values import check
from sensor.views.listing import contains, facets_of, page_of, value_of
from sensor.views.page import Page, mark_of

FIELDS = ("band", "type", "vendor", "segment")
BAND_NAMES = tuple(band for _, band in BANDS)
GROUPS: dict[str, Callable[[Node], str]] = {
    "segment": lambda node: node.segment or "no segment",
    "vlan": lambda node: node.segment if node.segment.startswith("vlan ") else "untagged",
    "type": lambda node: node.type or "unknown",
    "vendor": lambda node: node.vendor or "unknown",
}


class ScoreFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``text``: words that all occur in a device; ``segment``: such as ``vlan 30`` or ``10.20.30.0/24``."""

    text: str = ""
    band: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    vendor: tuple[str, ...] = ()
    segment: tuple[str, ...] = ()


EVERY_SCORE = ScoreFilter()


class TermRow(msgspec.Struct, frozen=True):
    """One term of a score. ``points``: its contribution; ``value``: its own value, of 100; ``of``: ids of the
    weaknesses, alerts or devices that it is based on.
    """

    name: str
    points: float
    value: float
    why: str
    of: list[str]


class ScoreRow(msgspec.Struct, frozen=True):
    """A device with its score, 0 to 100. ``text``: its display name, such as ``10.20.10.62 (front-door, camera)``."""

    id: str
    name: str
    address: str
    type: str
    vendor: str
    model: str
    firmware: str
    segment: str
    owner: str
    text: str
    points: float
    band: str
    terms: list[TermRow]


class FixRow(msgspec.Struct, frozen=True):
    """A fix. ``points``: the score after it; ``together``: after it and all fixes before it in the list; ``lowers``: by
    how much the scores of its devices fall; ``fixes``: names of weaknesses and ids of alerts that it resolves.
    """

    key: str
    title: str
    steps: str
    points: float
    together: float
    lowers: float
    devices: list[str]
    fixes: list[str]


class Posture(msgspec.Struct, frozen=True):
    """The site. ``devices``: number in each band; ``fixes``: those that lower the score most; ``now``: time of the last
    record, RFC 3339.
    """

    points: float
    band: str
    terms: list[TermRow]
    devices: dict[str, int]
    fixes: list[FixRow]
    now: str


class GroupRow(msgspec.Struct, frozen=True):
    """Devices with the same segment, VLAN, type or vendor. ``devices``: number in each band; ``worst``: id of the one
    with the highest score.
    """

    name: str
    points: float
    band: str
    terms: list[TermRow]
    devices: dict[str, int]
    worst: str


class DevicePosture(msgspec.Struct, frozen=True):
    """One device, and each fix that lowers its score."""

    score: ScoreRow
    fixes: list[FixRow]


SORTS: dict[str, Callable[[ScoreRow], Any]] = {
    "points": lambda row: -row.points,
    "name": lambda row: (not row.name, row.name.casefold()),
    "type": lambda row: row.type,
    "vendor": lambda row: (not row.vendor, row.vendor.casefold()),
    "segment": lambda row: (not row.segment, row.segment),
}


@once
def posture(picture: Picture) -> Posture:
    """The score of the site. A site without devices has 0 points in the band ``low``, and no terms."""
    total = picture.exposures.site
    bands = _bands(picture.exposures.devices.values())
    return Posture(
        total.points,
        total.band,
        _terms(total.terms),
        bands,
        list(map(_fix, fixed_site(picture.exposures.causes))),
        picture.site.now,
    )


def scores(
    picture: Picture, wanted: ScoreFilter = EVERY_SCORE, sort: str = "points", *, limit: int = 100, cursor: str = ""
) -> Page[ScoreRow]:
    """A page of devices with their scores. Raises Unknown or Malformed for invalid arguments."""
    one_of("sort", [sort], SORTS)
    one_of("band", wanted.band, BAND_NAMES)
    check("type", wanted.type)
    rows = sorted(
        (row for row in every_score(picture) if _fits(row, wanted)),
        key=lambda row: (SORTS[sort](row), -row.points, row.id),
    )
    facets = facets_of(rows, {name: value_of(name) for name in FIELDS})
    return page_of(rows, lambda row: row.id, facets, mark_of("scores", wanted, sort), limit, cursor)


@once
def every_score(picture: Picture) -> Sequence[ScoreRow]:
    """All devices that are not gone, the highest score first."""
    rows = [_score(picture.site.nodes[name], exposure) for name, exposure in picture.exposures.devices.items()]
    return sorted(rows, key=lambda row: (-row.points, row.id))


def device_posture(picture: Picture, name: str) -> DevicePosture:
    """One device by its id. Raises Unknown if there is none, or if it is gone and has no score."""
    exposure = picture.exposures.devices.get(name)
    if exposure is None:
        raise Unknown("id", name, picture.exposures.devices)
    return DevicePosture(
        _score(picture.site.nodes[name], exposure), list(map(_fix, fixed_device(picture.exposures.causes, name)))
    )


def groups(picture: Picture, by: str) -> list[GroupRow]:
    """Scores of segments, VLANs, types or vendors, the highest first. Raises Unknown if ``by`` is none of these."""
    one_of("by", [by], GROUPS)
    nodes, devices = picture.site.nodes, picture.exposures.devices
    members: dict[str, dict[str, Exposure]] = {}
    for name, exposure in sorted(devices.items(), key=lambda one: (-one[1].points, one[0])):
        members.setdefault(GROUPS[by](nodes[name]), {})[name] = exposure
    found = grouped(picture.site, devices, GROUPS[by])
    rows = [
        GroupRow(
            name, one.points, one.band, _terms(one.terms), _bands(members[name].values()), next(iter(members[name]))
        )
        for name, one in found.items()
    ]
    return sorted(rows, key=lambda row: (-row.points, row.name))


def _fits(row: ScoreRow, wanted: ScoreFilter) -> bool:
    if any((values := getattr(wanted, name)) and value_of(name)(row) not in values for name in FIELDS):
        return False
    return not wanted.text or contains(
        wanted.text, (row.id, row.name, row.address, row.type, row.vendor, row.model, row.segment, row.owner)
    )


def _score(node: Node, exposure: Exposure) -> ScoreRow:
    known = (
        node.id,
        node.name,
        node.address,
        node.type or "unknown",
        node.vendor,
        node.model,
        node.firmware,
        node.segment,
        node.owner,
        node.text,
    )
    return ScoreRow(*known, exposure.points, exposure.band, _terms(exposure.terms))


def _terms(terms: Iterable[Term]) -> list[TermRow]:
    return [TermRow(one.name, one.points, one.value, one.why, list(one.of)) for one in terms]


def _bands(several: Iterable[Exposure]) -> dict[str, int]:
    """Number in each band, the highest band first."""
    counts = Counter(one.band for one in several)
    return {band: counts[band] for band in BAND_NAMES}


def _fix(one: Fixed) -> FixRow:
    fix = one.fix
    return FixRow(
        fix.key, fix.title, fix.steps, one.points, one.together, one.lowers, list(one.devices), list(one.fixes)
    )
