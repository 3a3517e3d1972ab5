"""CVE records in JSON 5 (github.com/CVEProject/cve-schema): one file per record. The CNA's container has precedence;
CISA's container fills its gaps.

Versions are compared only if they are structured. Prose ("before the March release", "FS4: before 4.11.2.1", "n/a") is
stored as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core.lazy_pattern import lazy_pattern
from sensor.posture.vulnerabilities.feeds.entry import (
    AFFECTS_LIMIT,
    NO_VERSION,
    NOT_READ,
    RANGES_LIMIT,
    Affects,
    Entry,
    cve_of,
    grouped,
    list_of,
    number_of,
    object_of,
    text_of,
    title_of,
)
from sensor.posture.vulnerabilities.ranges import Range

TYPE = "CVE_RECORD"
_METRICS = ("cvssV4_0", "cvssV3_1", "cvssV3_0", "cvssV2_0")
_ANY = frozenset(("0", "*", "", "unspecified", "all", "all versions"))
_UNKNOWN = frozenset(("n/a", "-", "unknown"))
# Types of versions whose order no version number shows: commit hashes.
_UNORDERED = "git"
NOT_LISTED = "versions that it does not list are affected too"
_VERSION = lazy_pattern(r"[vVrR]?\d[\w.()+ -]{0,63}\Z")


def entry_of(record: dict[str, Any]) -> Entry:
    """One record. Raises ValueError if it is invalid."""
    if record.get("dataType") != TYPE:
        raise ValueError(f"found the type {text_of(record.get('dataType'), 40) or 'nothing'!r}, expected {TYPE}")
    about = object_of(record.get("cveMetadata"))
    name, containers = cve_of(about.get("cveId")), object_of(record.get("containers"))
    ours = object_of(containers.get("cna"))
    others = [object_of(one) for one in list_of(containers.get("adp"))]
    score, version = _score([ours, *others])
    affects = grouped(_affects(ours)) or grouped(one for other in others for one in _affects(other))
    title = text_of(ours.get("title"), 400) or title_of(ours.get("descriptions"))
    dates = text_of(about.get("datePublished"))[:10], text_of(about.get("dateUpdated"))
    rejected, cut = about.get("state") == "REJECTED", len(affects) > AFFECTS_LIMIT
    return Entry(name, title, affects[:AFFECTS_LIMIT], score, version, *dates, rejected, cut, _exploited(others))


def _exploited(containers: list[dict[str, Any]]) -> str:
    """Date since which CISA lists it as exploited; empty if it does not."""
    for container in containers:
        for metric in map(object_of, list_of(container.get("metrics"))):
            other = object_of(metric.get("other"))
            if other.get("type") == "kev":
                return text_of(object_of(other.get("content")).get("dateAdded"))[:10] or "known"
    return ""


def _score(containers: list[dict[str, Any]]) -> tuple[float | None, str]:
    for container in containers:
        for name in _METRICS:
            for metric in map(object_of, list_of(container.get("metrics"))):
                data = object_of(metric.get(name))
                score = number_of(data.get("baseScore"), 10)
                if score is not None:
                    return score, text_of(data.get("version"), 8)
    return None, ""


def _affects(container: dict[str, Any]) -> Iterator[Affects]:
    for product in map(object_of, list_of(container.get("affected"))):
        vendor, name = text_of(product.get("vendor")), text_of(product.get("product"))
        if vendor.lower() in _UNKNOWN or name.lower() in _UNKNOWN or not vendor or not name:
            continue
        listed = list_of(product.get("versions"))
        versions = [_versions(object_of(one)) for one in listed[:RANGES_LIMIT]]
        ranges = tuple(one for one in versions if isinstance(one, Range))
        unclear = next((one for one in versions if isinstance(one, str) and one), "")
        unclear = unclear or (NOT_READ if len(listed) > RANGES_LIMIT else "")
        others = product.get("defaultStatus") == "affected"
        if not versions:
            ranges, unclear = ((Range(),), "") if others else ((), NO_VERSION)
        elif others:
            unclear = unclear or NOT_LISTED
        if ranges or unclear:
            yield Affects(vendor, name, ranges, (), unclear)


def _versions(entry: dict[str, Any]) -> Range | str:
    """A range; text if it cannot be compared; empty if these versions are not affected."""
    status, version = entry.get("status"), text_of(entry.get("version"))
    if status != "affected":
        return "" if status == "unaffected" else f"{version or 'its versions'}: {text_of(status, 20) or 'unknown'}"
    if entry.get("changes"):
        return f"{version}: with changes within the range"
    if entry.get("versionType") == _UNORDERED:
        return f"{version}: a commit"
    before, through = text_of(entry.get("lessThan")), text_of(entry.get("lessThanOrEqual"))
    start = "" if version.lower() in _ANY else version
    end = before or through
    if end == "*":
        end = ""
    if version.lower() in _UNKNOWN or any(one and not _VERSION.match(one) for one in (start, end)):
        return " ".join(
            filter(None, (version, f"before {before}" if before else "", f"up to {through}" if through else ""))
        )
    if start and not before and not through:
        return Range(start, start, through=True)
    return Range(start, end, through=bool(end and not before))
