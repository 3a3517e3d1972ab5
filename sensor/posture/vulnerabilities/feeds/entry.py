"""The contents of feeds in any format: one entry per CVE, entries of the catalogue of exploited ones, scores, and
unparsable entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.reader import clean
from sensor.posture.vulnerabilities.ranges import Range

CVE = lazy_pattern(r"CVE-(\d{4})-(\d{4,8})\Z")
TITLE_LIMIT, TEXT_LIMIT = 400, 160
# What feeds write instead of ranges.
NO_VERSION = "the record contains no version"
NOT_READ = "the record contains more versions than are read"
# Of one CVE: products, versions of one product, and models that a product runs on. The rest is left out, which ``cut``
# reports.
AFFECTS_LIMIT, RANGES_LIMIT, HARDWARE_LIMIT = 4000, 1000, 1000


class Affects(NamedTuple):
    """A product and its versions. ``hardware``: products it runs on, if the record has some; ``unclear``: versions that
    the record describes in prose only.
    """

    vendor: str
    product: str
    ranges: tuple[Range, ...] = ()
    hardware: tuple[str, ...] = ()
    unclear: str = ""


class Entry(NamedTuple):
    """One CVE from one source. ``exploited``: date since which CISA lists it as exploited, if the source has it;
    ``cut``: some products are left out; ``advisory``: that it is from, since several may have the same CVE.
    """

    cve: str
    title: str = ""
    affects: tuple[Affects, ...] = ()
    cvss: float | None = None
    cvss_version: str = ""
    published: str = ""
    modified: str = ""
    rejected: bool = False
    cut: bool = False
    exploited: str = ""
    advisory: str = ""


class Exploited(NamedTuple):
    """A CVE of the catalogue of known exploited vulnerabilities (CISA)."""

    cve: str
    name: str
    added: str
    due: str
    ransomware: bool
    action: str


class Score(NamedTuple):
    """Probability that a CVE is exploited within thirty days (FIRST, EPSS)."""

    cve: str
    probability: float
    percentile: float


class Broken(NamedTuple):
    """An entry that cannot be used: its name and the reason."""

    where: str
    why: str


Item = Entry | Exploited | Score | Broken


class Feed(NamedTuple):
    """``kind``: nvd, cve, kev, epss or csaf; ``stamp``: date of its data, if known; ``items``: iterable once, while the
    feed is open; ``page``: part of a paged response, empty if complete.
    """

    kind: str
    stamp: str
    items: Iterator[Item]
    page: str = ""


class Unreadable(Exception):
    """A file that is not a feed; the text is the reason."""


def text_of(value: Any, limit: int = TEXT_LIMIT) -> str:
    """A text of a feed, cleaned and truncated; empty if it is not text."""
    return clean(value, limit) if isinstance(value, str) else ""


def list_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def object_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def number_of(value: Any, limit: float) -> float | None:
    """A number from 0 to the limit; None otherwise."""
    return (
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= limit else None
    )


def cve_of(value: Any) -> str:
    """The name of a CVE; raises ValueError otherwise."""
    if not isinstance(value, str) or not CVE.match(value):
        raise ValueError(f"found {text_of(value, 40) or 'nothing'!r} as its id, expected CVE-YEAR-NUMBER")
    return value


def grouped(several: Iterable[Affects]) -> tuple[Affects, ...]:
    """A product that is listed several times as one: what is unclear about one of them applies to the product."""
    found: dict[tuple[str, str, tuple[str, ...]], Affects] = {}
    for one in several:
        key = one.vendor, one.product, one.hardware
        known = found.get(key, one._replace(ranges=()))
        found[key] = known._replace(ranges=known.ranges + one.ranges, unclear=known.unclear or one.unclear)
    return tuple(found.values())


def title_of(descriptions: Any) -> str:
    """The beginning of the English description."""
    found = [object_of(one) for one in list_of(descriptions)]
    english = [one for one in found if text_of(one.get("lang")).lower().startswith("en")]
    return text_of(next((one.get("value") for one in english or found), ""), TITLE_LIMIT)
