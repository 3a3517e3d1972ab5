"""Selection: the ``filter`` of an output as one predicate on records."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import translate
from typing import Any

from sensor.core.output import Filter
from sensor.core.severities import SEVERITIES

Record = Mapping[str, Any]
Test = Callable[[Record], bool]


def wanted(chosen: Filter) -> Test:
    """Whether every list of the filter matches a record."""
    tests: list[Test] = []
    if chosen.kinds:
        kinds = frozenset(chosen.kinds)
        tests.append(lambda record: record.get("kind") in kinds)
    if chosen.severity != SEVERITIES[0]:
        severe = frozenset(SEVERITIES[SEVERITIES.index(chosen.severity) :])
        tests.append(lambda record: record.get("severity") in severe)
    for globs, values in ((chosen.detectors, _detectors), (chosen.types, _types), (chosen.sites, _sites)):
        if globs:
            tests.append(_matching(globs, values))
    if chosen.vlans:
        vlans = frozenset(chosen.vlans)
        tests.append(lambda record: not vlans.isdisjoint(_vlans(record)))
    return lambda record: all(test(record) for test in tests)


def _matching(globs: Iterable[str], values: Callable[[Record], Iterator[Any]]) -> Test:
    """Whether a value of a record matches one of the patterns."""
    fits = re.compile("|".join(translate(glob) for glob in globs)).match
    return lambda record: any(isinstance(value, str) and fits(value) for value in values(record))


def _part(record: Record, name: str) -> Mapping[str, Any]:
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def _several(record: Record, name: str) -> Iterator[Mapping[str, Any]]:
    found = record.get(name)
    yield from (one for one in (found if isinstance(found, list) else ()) if isinstance(one, dict))


def _detectors(record: Record) -> Iterator[Any]:
    """The detector of an alert, or those of an incident's steps."""
    yield _part(record, "alert").get("detector")
    yield from (chapter.get("detector") for chapter in _several(_part(record, "incident"), "story"))


def _ends(record: Record) -> Iterator[Mapping[str, Any]]:
    """The device, or both ends of an alert or incident, including all actors and targets."""
    yield from (_part(record, name) for name in ("device", "src", "dst"))
    yield from _several(record, "targets")
    yield from _several(_part(record, "incident"), "actors")


def _types(record: Record) -> Iterator[Any]:
    yield from (end.get("type") for end in _ends(record))


def _vlans(record: Record) -> Iterator[Any]:
    yield _part(record, "network").get("vlan")
    for end in _ends(record):
        vlan = end.get("vlan")
        yield from vlan if isinstance(vlan, list) else (vlan,)


def _sites(record: Record) -> Iterator[Any]:
    yield _part(record, "sensor").get("site")
