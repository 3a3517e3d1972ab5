"""NVD 2.0: the yearly feeds and the pages of the API (nvd.nist.gov/developers/vulnerabilities).

CPE names in configurations count if they are ``vulnerable``. Others combined with them are the platforms that the
product runs on. A name without a version (``-``) has no version information.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.posture.vulnerabilities.cpe import Cpe, parse_cpe, unescaped
from sensor.posture.vulnerabilities.feeds.entry import (
    AFFECTS_LIMIT,
    HARDWARE_LIMIT,
    NO_VERSION,
    NOT_READ,
    RANGES_LIMIT,
    Affects,
    Entry,
    cve_of,
    list_of,
    number_of,
    object_of,
    text_of,
    title_of,
)  # fmt: skip
from sensor.posture.vulnerabilities.ranges import Range

LIST, FIRST = "vulnerabilities", "cve"
# The newest of those that the source marks as primary.
_METRICS = ("cvssMetricV40", "cvssMetricV31", "cvssMetricV30", "cvssMetricV2")
_BOUNDS = ("versionStartIncluding", "versionStartExcluding", "versionEndExcluding", "versionEndIncluding")
NEGATED = "the record contains unaffected products only"


def entry_of(element: dict[str, Any]) -> Entry:
    """One element of the list. Raises ValueError if it is invalid."""
    cve = object_of(element.get("cve"))
    name = cve_of(cve.get("id"))
    score, version = _score(object_of(cve.get("metrics")))
    affects, cut = _affects(cve.get("configurations"))
    return Entry(
        name, title_of(cve.get("descriptions")), affects, score, version, text_of(cve.get("published"))[:10],
        text_of(cve.get("lastModified")),
        text_of(cve.get("vulnStatus")) == "Rejected", cut, text_of(cve.get("cisaExploitAdd"))[:10],
    )  # fmt: skip


def stamp_of(header: dict[str, Any]) -> str:
    """Date of the feed."""
    return text_of(header.get("timestamp"), 32)


def page_of(header: dict[str, Any]) -> str:
    """Part of a paged response; empty if complete."""
    first, here, total = (header.get(name) for name in ("startIndex", "resultsPerPage", "totalResults"))
    if not isinstance(first, int) or not isinstance(here, int) or not isinstance(total, int) or here >= total:
        return ""
    return f"a page, from {first + 1:,} on, of {total:,}"


def _score(metrics: dict[str, Any]) -> tuple[float | None, str]:
    for wanted in ("Primary", "Secondary"):
        for name in _METRICS:
            for metric in map(object_of, list_of(metrics.get(name))):
                data = object_of(metric.get("cvssData"))
                score = number_of(data.get("baseScore"), 10)
                if metric.get("type") == wanted and score is not None:
                    return score, text_of(data.get("version"), 8)
    return None, ""


def _affects(configurations: Any) -> tuple[tuple[Affects, ...], bool]:
    """The products with their versions; and whether some exceeded the limit."""
    found: dict[tuple[str, str, tuple[str, ...]], list[Range | str]] = {}
    cut = False
    for configuration in map(object_of, list_of(configurations)):
        nodes = [object_of(node) for node in list_of(configuration.get("nodes"))]
        hardware = tuple(dict.fromkeys(name for node in nodes for name in _hardware(node)))[:HARDWARE_LIMIT]
        for node in nodes:
            for vendor, product, version in _vulnerable(node):
                versions = (
                    found.setdefault((vendor, product, hardware), [])
                    if len(found) < AFFECTS_LIMIT
                    else found.get((vendor, product, hardware), [])
                )
                cut |= len(versions) >= RANGES_LIMIT or len(found) >= AFFECTS_LIMIT
                if len(versions) >= RANGES_LIMIT:
                    versions[RANGES_LIMIT:] = [NOT_READ]
                elif version not in versions[-1:]:
                    versions.append(version)
    return tuple(_one(key, versions) for key, versions in found.items()), cut


def _one(key: tuple[str, str, tuple[str, ...]], versions: list[Range | str]) -> Affects:
    vendor, product, hardware = key
    ranges = tuple(one for one in versions if isinstance(one, Range))
    return Affects(vendor, product, ranges, hardware, next((one for one in versions if isinstance(one, str)), ""))


def _hardware(node: dict[str, Any]) -> Iterator[str]:
    for match in map(object_of, list_of(node.get("cpeMatch"))):
        if match.get("vulnerable") is False:
            yield parse_cpe(text_of(match.get("criteria"), 512)).product


def _vulnerable(node: dict[str, Any]) -> Iterator[tuple[str, str, Range | str]]:
    for match in map(object_of, list_of(node.get("cpeMatch"))):
        if match.get("vulnerable") is True:
            cpe = parse_cpe(text_of(match.get("criteria"), 512))
            yield cpe.vendor, cpe.product, NEGATED if node.get("negate") is True else _range(cpe, match)


def _range(cpe: Cpe, match: dict[str, Any]) -> Range | str:
    """The range of affected versions, or why there is none. The version of a hardware product is its revision, which
    does not imply a firmware version.
    """
    bounds = [unescaped(text_of(match.get(name))) if name in match else "" for name in _BOUNDS]
    if any(bounds):
        start, after, end, through = bounds
        return Range(start or after, end or through, after=not start and bool(after), through=not end and bool(through))
    if cpe.version == "-" or cpe.part == "h":
        return NO_VERSION
    return Range() if cpe.version == "*" else Range(cpe.version, cpe.version, through=True)
