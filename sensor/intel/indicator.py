"""An indicator of a list, and its extraction from the named fields of a feed: names of columns and keys differ, their
meaning does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.reader import clean

FIELD_LIMIT = 120
VALUE_LIMIT = 1024
# In place of the end of validity: the indicator is excepted from wider entries.
EXCEPTION = -1
NOTHING = frozenset(("", "none", "null", "n/a", "-", "(empty)"))
# Names of columns and keys, in order of preference.
VALUES = tuple(
    (
        "ioc_value ioc dst_ip dstip ip_address ipAddress ipaddress indicator cidr url sha1 ja3_md5 ja4 domain "
        "hostname host ip value network"
    ).split()
)
CATEGORIES = tuple(
    (
        "malware_printable malware listingreason threat threat_type category meta.desc description "
        "sblid tags name comment"
    ).split()
)
SEEN = tuple("first_seen_utc firstseen first_seen listingdate dateadded created timestamp date".split())
UNTIL = tuple("valid_until expiration expires until".split())
CONFIDENCES = ("confidence_level", "confidence", "meta.confidence", "abuseConfidenceScore", "abuseconfidencescore")
# Of an entry for an autonomous system, the names of its operator.
NAMES = frozenset(("domain", "hostname", "host", "name"))
# Indicators of files, senders and AS numbers, which packets do not show directly.
UNSEEN_TYPES = frozenset("md5_hash sha1_hash sha256_hash sha3_384_hash envelope_from body_from".split())
# Signs of defanged indicators: ``1.2.3[.]4``, ``evil[dot]example``, ``hxxps[://]``.
_DEFANGED = lazy_pattern(r"[\[({]\s?(\.|dot|:|:?//|/)\s?[\])}]", re.IGNORECASE)
_LIKELY = lazy_pattern(
    r"(?!\d{4}-\d\d-\d\d)(?:[0-9a-f.:/]{7,43}|[0-9a-f]{32,64}|https?://\S+|(?:[\w-]+\.)+[^\W\d_][\w-]+)", re.IGNORECASE
)
_ADDRESS_PORT = lazy_pattern(r"[\d.]{7,15}:\d{1,5}|(?:[\w-]+\.)+[a-z]{2,}:\d{1,5}", re.IGNORECASE)


class Indicator(NamedTuple):
    """``seen`` and ``until``: seconds since 1970, 0 if not given, ``until`` also EXCEPTION; ``confidence``: 0 to 100,
    -1 if not given.
    """

    value: str
    category: str = ""
    seen: int = 0
    until: int = 0
    confidence: int = -1

    def line(self) -> str:
        """The line in a plain list."""
        return f"{self.value}\t{self.category}\t{self.seen}\t{self.until}\t{self.confidence}"


class Broken(NamedTuple):
    """An invalid line, or entry of a document."""

    line: int
    message: str


# Results of a parser, each with its line number.
Found = Iterator[tuple[int, Indicator] | Broken]


def read_line(line: str) -> Indicator:
    """Parse a line of ``Indicator.line``; of a line that was added by hand, only the first two fields."""
    value, category, *numbers = line.rstrip("\r").split("\t")[:5] if "\t" in line else (line.strip(), "")
    try:
        seen, until, confidence = map(int, numbers)
    except ValueError:
        return Indicator(value, category)
    return Indicator(value, category, seen, until, confidence)


def of_row(row: Mapping[str, Any]) -> Indicator | str | None:
    """The indicator in named fields; its fault as text; None for a type that packets do not show."""
    values = [name for name in VALUES if first(row, (name,))]
    if row.get("ioc_type") in UNSEEN_TYPES or ("asn" in row and NAMES.issuperset(values)):
        return None
    # Feeds give some of these names to descriptions.
    value = next(filter(is_likely, (refanged(first(row, (name,))) for name in values)), "") or refanged(
        first(row, values)
    )
    if not value:
        return f"found {clean(str(dict(row)), 60)!r}, expected an indicator in one of {', '.join(VALUES[:4])} …"
    text = first(row, CONFIDENCES)
    sure = min(int(float(text)), 100) if re.fullmatch(r"\d{1,3}(?:\.\d+)?", text) else -1
    return Indicator(
        value, category(first(row, CATEGORIES)), seconds(first(row, SEEN)), seconds(first(row, UNTIL)), sure
    )


def first(row: Mapping[str, Any], names: Iterable[str]) -> str:
    """The first of the named values that is not empty."""
    for name in names:
        value = row.get(name)
        if isinstance(value, list):
            value = ",".join(map(str, value))
        if value is not None and (text := str(value).strip()).lower() not in NOTHING:
            return text
    return ""


def category(text: str) -> str:
    """A category for a line: a leading dash would turn the preceding address into a range."""
    return clean(text, FIELD_LIMIT).lstrip("- ")


def is_likely(value: str) -> bool:
    """Whether a refanged text has the form of an indicator."""
    return _LIKELY.fullmatch(value) is not None


def refanged(raw: str) -> str:
    """An indicator for a plain list: refanged, without the port of an address; empty if invalid."""
    value = _DEFANGED.sub(_sign, raw.strip().strip('"'))[:VALUE_LIMIT]
    if value[:4].lower() == "hxxp":
        value = "http" + value[4:]
    if value.startswith("[") and "]" in value:
        value = value[1 : value.index("]")]
    elif _ADDRESS_PORT.fullmatch(value):
        value = value.rpartition(":")[0]
    if "/" not in value:
        value = value.removesuffix(".")  # the root of a name
    return "" if any(c.isspace() or not c.isprintable() for c in value) else value


def _sign(found: re.Match[str]) -> str:
    return "." if found[1].lower() == "dot" else found[1]


def seconds(text: str) -> int:
    """Seconds since 1970 from a time in ISO 8601 or a number; 0 if invalid. Times without a zone are UTC."""
    if text.isascii() and text.isdigit() and len(text) in {10, 13}:
        return int(text[:10])
    try:
        moment = datetime.fromisoformat(text.removesuffix(" UTC"))
        return max(int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()), 0)
    except (ValueError, OverflowError):
        return 0
