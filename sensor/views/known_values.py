"""Checks of filters: a value that a field can have selects no rows if none has it; another value is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import filter as matching

from sensor.core.known_values import CUSTOM, KNOWN, VLANS
from sensor.registry import names
from sensor.views.errors import Malformed, Unknown, one_of

Present = Callable[[], Iterable[str]]


def check(field: str, values: Iterable[str], present: Present = tuple) -> None:
    """Raises Unknown for a value that is neither a key of KNOWN[field] nor present in the data, where those of another
    version of the sensor may be.
    """
    unknown = [value for value in values if value not in KNOWN[field]]
    if unknown:
        one_of(field, unknown, {*KNOWN[field], *present()})


def check_detectors(patterns: Iterable[str], present: Present = tuple) -> None:
    """Raises Unknown for a pattern that matches no detection: an id, possibly with * and ?."""
    known = names("sensor.detectors")
    for pattern in patterns:
        if not (pattern.startswith((CUSTOM, "*")) or matching(known, pattern)):
            there = [*known, *present()]
            if not matching(there, pattern):
                raise Unknown("detector", pattern, there, "sensor help detections")


def check_vlans(values: Iterable[int | str]) -> None:
    """Raises Malformed."""
    for value in values:
        if value not in VLANS:
            raise Malformed("vlan", str(value), f"a VLAN from 1 to {VLANS[-1]}, or 0 for frames without a tag")
