"""JSON feeds: abuse.ch, Spamhaus DROP as JSON lines, MISP events, STIX 2.1 bundles and TAXII 2.1 envelopes, OTX pulses.

Faults in a document are reported by the number of the entry, since it has no lines; faults in JSON lines by their line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.reader import clean
from sensor.intel.indicator import VALUES, Broken, Found, Indicator, first, of_row, refanged

MISP_TYPES = frozenset((
    "ip-src", "ip-dst", "ip-dst|port", "ip-src|port", "domain", "domain|ip", "hostname", "hostname|port", "url",
    "ja3-fingerprint-md5", "x509-fingerprint-sha1", "x509-fingerprint-sha256", "ja4-fingerprint",
))  # fmt: skip
OTX_TYPES = frozenset(("IPv4", "IPv6", "domain", "hostname", "URL", "CIDR", "JA3", "SSLCertFingerprint"))
EXPECTED = "a bundle of STIX, an event of MISP, pulses of OTX, or a list of objects with one indicator each"
# A comparison of STIX with what packets show: its operator, and a value or several in parentheses.
_STIX = lazy_pattern(
    r"(?:ipv[46]-addr:value|domain-name:value|url:value|x509-certificate:hashes\.(?:'[\w-]+'|[\w-]+)|"
    r"network-traffic:dst_ref\.value)\s{0,4}([A-Z!<>=]+)\s{0,4}('(?:[^'\\]|\\.){1,1000}'|\([^)]{1,65536}\))"
)
_QUOTED = lazy_pattern(r"'((?:[^'\\]|\\.){1,1000})'")
_EQUALS = ("=", "ISSUBSET", "IN")

# The content of one entry: an indicator, or its fault as text.
Parsed = Iterator[Indicator | str]


def json_text(text: str) -> Found:
    """One document, or one per line."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        yield from _lines(text)
        return
    for number, one in _entries(document):
        yield Broken(1, f"entry {number}: {one}") if isinstance(one, str) else (1, one)


def _lines(text: str) -> Found:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            yield Broken(number, f"found {clean(line, 60)!r}, expected JSON")
            continue
        if not isinstance(document, dict) or document.get("type") == "metadata":
            continue
        for one in (
            _row(document) if first(document, VALUES) or "asn" in document else (one for _, one in _entries(document))
        ):
            yield Broken(number, one) if isinstance(one, str) else (number, one)


def _entries(document: Any) -> Iterator[tuple[int, Indicator | str]]:
    """The entries of a document with their numbers."""
    if isinstance(document, list):
        yield from _numbered(_any, document)
    elif not isinstance(document, dict):
        yield 1, f"found {clean(str(document), 60)!r}, expected {EXPECTED}"
    elif isinstance(document.get("objects"), list):
        yield from _stix(document["objects"])
    elif _is_misp(document):
        for event in _listed(document.get("response")) or [document]:
            yield from _misp(_object(event.get("Event"), event))
    elif isinstance(document.get("results"), list) or isinstance(document.get("indicators"), list):
        for pulse in document.get("results") or [document]:
            yield from _otx(pulse if isinstance(pulse, dict) else {})
    elif isinstance(document.get("data"), list):
        yield from _numbered(_any, document["data"])
    elif first(document, VALUES):
        yield from _numbered(_any, [document])
    elif lists := [value for value in document.values() if isinstance(value, list)]:
        yield from _numbered(_any, [row for rows in lists for row in rows])
    elif document:
        yield 1, f"found the keys {clean(', '.join(map(str, document)), 60)}, expected {EXPECTED}"


def _numbered(read: Any, rows: Iterable[Any]) -> Iterator[tuple[int, Indicator | str]]:
    for number, row in enumerate(rows, 1):
        for one in read(row):
            yield number, one


def _any(row: Any) -> Parsed:
    """An entry of a list: fields, a text, or a whole event."""
    if isinstance(row, str):
        yield Indicator(value) if (value := refanged(row)) else f"found {clean(row, 60)!r}, expected an indicator"
    elif isinstance(row, dict) and isinstance(row.get("Event"), dict):
        yield from (one for _, one in _misp(row["Event"]))
    elif isinstance(row, dict):
        yield from _row(row)
    else:
        yield f"found {clean(str(row), 60)!r}, expected an indicator"


def _row(row: dict[str, Any]) -> Parsed:
    one = of_row(row)
    if one is not None:
        yield one


def _stix(objects: list[Any]) -> Iterator[tuple[int, Indicator | str]]:
    """Patterns joined by OR; only the newest version of each counts, and no revoked ones."""
    newest: dict[str, dict[str, Any]] = {}
    for one in objects:
        if isinstance(one, dict) and one.get("type") == "indicator":
            kept = newest.get(str(one.get("id")))
            if kept is None or str(one.get("modified", "")) >= str(kept.get("modified", "")):
                newest[str(one.get("id"))] = one
    yield from _numbered(_stix_indicator, newest.values())


def _stix_indicator(one: dict[str, Any]) -> Parsed:
    pattern = str(one.get("pattern", ""))
    if one.get("revoked") is True or one.get("pattern_type", "stix") != "stix":
        return
    if re.search(r"\b(?:AND|FOLLOWEDBY|NOT)\b", re.sub(r"'[^']*'", "", pattern)):
        yield f"the pattern {clean(pattern, 60)!r} combines several conditions and is skipped"
        return
    row = {
        **one,
        "category": first(one, ("name", "labels", "indicator_types")),
        "created": one.get("valid_from") or one.get("created"),
    }
    for operator, values in _STIX.findall(pattern):
        if operator not in _EQUALS:
            yield f"the pattern {clean(pattern, 60)!r} compares with {operator} and is skipped"
            continue
        for value in _QUOTED.findall(values):
            yield from _row({**row, "ioc_value": re.sub(r"\\(.)", r"\1", value)})


def _is_misp(document: dict[str, Any]) -> bool:
    """Whether it is an event, or an answer with events or attributes."""
    answer = document.get("response")
    return isinstance(document.get("Event"), dict) or isinstance(answer, list) or "Attribute" in _object(answer, {})


def _misp(event: dict[str, Any]) -> Iterator[tuple[int, Indicator | str]]:
    """Attributes marked for detection, including those of objects."""
    objects = [one for one in _dicts(event.get("Object")) if one.get("deleted") is not True]
    attributes = [*_dicts(event.get("Attribute")), *(each for one in objects for each in _dicts(one.get("Attribute")))]
    wanted = (
        one
        for one in attributes
        if one.get("to_ids") is True and one.get("deleted") is not True and one.get("type") in MISP_TYPES
    )
    yield from _numbered(lambda one: _misp_attribute(one, event), wanted)


def _misp_attribute(one: dict[str, Any], event: dict[str, Any]) -> Parsed:
    parts = (
        str(one.get("value", "")).split("|")
        if one["type"] == "domain|ip"
        else [str(one.get("value", "")).partition("|")[0]]
    )
    for value in parts:
        row = {
            "ioc_value": value,
            "category": one.get("comment") or _object(one.get("Event"), event).get("info"),
            "first_seen": one.get("first_seen") or one.get("timestamp"),
        }
        yield from _row(row)


def _otx(pulse: dict[str, Any]) -> Iterator[tuple[int, Indicator | str]]:
    wanted = (
        one for one in _dicts(pulse.get("indicators")) if one.get("type") in OTX_TYPES and one.get("is_active", 1) != 0
    )
    yield from _numbered(lambda one: _row({**one, "category": pulse.get("name")}), wanted)


def _listed(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, or the only one."""
    return [value] if isinstance(value, dict) else _dicts(value)


def _object(value: Any, otherwise: dict[str, Any]) -> dict[str, Any]:
    return value if isinstance(value, dict) else otherwise


def _dicts(rows: Any) -> list[dict[str, Any]]:
    """The objects of a list; empty if it is not a list."""
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
