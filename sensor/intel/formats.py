"""The public formats of threat feeds, made into plain lists: one indicator a line, then its category, when it was first seen, how sure the list is, until when.

CSV of abuse.ch and of others with a header line, Spamhaus DROP as JSON lines, JSON of abuse.ch, MISP events, STIX 2.1 bundles and TAXII envelopes, OTX pulses,
Zeek intel. Which one a file is shows in its content. Plain lists, netsets and hosts files are read as they are (``readers``).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sensor.core.reader import clean

FIELD_LIMIT = 120
VALUE_LIMIT = 1024
LINE_LIMIT = 1 << 20
NOTHING = frozenset(("", "none", "null", "n/a", "-", "(empty)"))
# Names of columns and keys, in the order in which they are looked for.
VALUES = (
    "ioc_value",
    "ioc",
    "dst_ip",
    "dstip",
    "ip_address",
    "indicator",
    "cidr",
    "url",
    "sha1",
    "ja3_md5",
    "ja4",
    "domain",
    "hostname",
    "host",
    "ip",
    "value",
    "network",
)
CATEGORIES = (
    "malware_printable",
    "malware",
    "listingreason",
    "threat",
    "threat_type",
    "category",
    "meta.desc",
    "description",
    "sblid",
    "tags",
    "name",
    "comment",
)
SEEN = ("first_seen_utc", "firstseen", "first_seen", "listingdate", "dateadded", "created", "timestamp", "date")
UNTIL = ("valid_until", "expiration", "expires", "until")
CONFIDENCES = ("confidence_level", "confidence", "meta.confidence")
MISP_TYPES = frozenset((
    "ip-src", "ip-dst", "ip-dst|port", "ip-src|port", "domain", "domain|ip", "hostname", "hostname|port", "url", "ja3-fingerprint-md5", "x509-fingerprint-sha1",
    "x509-fingerprint-sha256", "ja4-fingerprint",
))  # fmt: skip
OTX_TYPES = frozenset(("IPv4", "IPv6", "domain", "hostname", "URL", "CIDR", "JA3", "SSLCertFingerprint"))
ZEEK_TYPES = frozenset(("Intel::ADDR", "Intel::SUBNET", "Intel::DOMAIN", "Intel::URL", "Intel::CERT_HASH"))
_STIX = re.compile(
    r"(?:ipv[46]-addr:value|domain-name:value|url:value|x509-certificate:hashes\.'?[\w-]+'?|network-traffic:dst_ref\.value)\s{0,4}(?:=|ISSUBSET)\s{0,4}'([^']{1,1000})'"
)


class Indicator(NamedTuple):
    """``seen`` and ``until``: seconds since 1970, 0 where they are not told; ``confidence``: 0 to 100, -1 where it is not told."""

    value: str
    category: str = ""
    seen: int = 0
    until: int = 0
    confidence: int = -1

    def line(self) -> str:
        """The line of a plain list."""
        return f"{self.value}\t{self.category}\t{self.seen}\t{self.until}\t{self.confidence}"


class Broken(NamedTuple):
    """A line that is none of its format."""

    line: int
    message: str


Found = Iterator[Indicator | Broken]


def read_line(line: str) -> Indicator:
    """A line as ``Indicator.line`` writes it."""
    value, category, seen, until, confidence = line.split("\t")
    return Indicator(value, category, int(seen), int(until), int(confidence))


def converted(text: bytes) -> tuple[bytes, list[Broken]] | None:
    """A feed as a plain list and what was wrong in it; None where it is a plain list already."""
    reader = _reader_of(text)
    if reader is None:
        return None
    broken: list[Broken] = []
    lines: dict[str, None] = {}
    for one in reader(text.decode("utf-8", "replace")):
        if isinstance(one, Broken):
            broken.append(one)
        else:
            lines[one.line()] = None
    return "".join(f"{line}\n" for line in lines).encode(), broken


def _reader_of(text: bytes) -> Callable[[str], Found] | None:
    head = text[:LINE_LIMIT].lstrip()
    if head[:1] in (b"{", b"["):
        return _json
    if head.startswith(b"#fields\t"):
        return _zeek
    for line in head[:65536].splitlines():
        if line.count(b",") >= 2 or (b'","' in line):
            return _csv
        if line.strip() and not line.lstrip().startswith((b"#", b";", b"//")):
            return None
    return None


# Texts of lines.


def _csv(text: str) -> Found:
    """A header line names the columns, be it a comment or not; without one the first column that can be an indicator counts."""
    names: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        comment = bare.startswith(("#", ";"))
        if not bare or (comment and "," not in bare):
            continue
        cells = [cell.strip() for cell in next(csv.reader(io.StringIO(bare.lstrip("#; ")), skipinitialspace=True), [])]
        small = [cell.lower() for cell in cells]
        if any(name in VALUES for name in small) and len(small) > 1:
            names = small
        elif not comment:
            row = dict(zip(names or [f"column{n}" for n in range(len(cells))], cells, strict=False))
            yield _row(row, number) if names else _guess(cells, number)


def _zeek(text: str) -> Found:
    names: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.split("\t")
        if cells[0] == "#fields":
            names = cells[1:]
        elif line.strip() and not line.startswith("#"):
            row = dict(zip(names, cells, strict=False))
            if row.get("indicator_type") in ZEEK_TYPES:
                yield _row(row, number)
            elif "indicator_type" not in row:
                yield Broken(number, f"found {clean(line, 60)!r}, expected {len(names)} fields with tabs between them")


def _row(row: dict[str, Any], number: int) -> Indicator | Broken:
    """The indicator of a row by the names of its columns."""
    value = _value(_first(row, VALUES))
    if not value:
        return Broken(number, f"found {clean(str(row), 60)!r}, expected an indicator in one of {', '.join(VALUES[:4])} …")
    confidence = _first(row, CONFIDENCES)
    sure = int(float(confidence)) if re.fullmatch(r"\d{1,3}(?:\.\d+)?", confidence) else -1
    return Indicator(value, clean(_first(row, CATEGORIES), FIELD_LIMIT), seconds(_first(row, SEEN)), seconds(_first(row, UNTIL)), min(sure, 100))


def _guess(cells: list[str], number: int) -> Indicator | Broken:
    for cell in cells:
        value = _value(cell)
        if re.fullmatch(r"[0-9a-f.:/]{7,43}|[0-9a-f]{32,64}|https?://\S+|(?:[\w-]+\.)+[a-z]{2,}", value, re.IGNORECASE) and not re.fullmatch(
            r"\d{4}-.*", value
        ):
            rest = [each for each in cells if each != cell and each.lower() not in NOTHING and not each[:1].isdigit()]
            return Indicator(value, clean(rest[0] if rest else "", FIELD_LIMIT))
    return Broken(number, f"found {clean(','.join(cells), 60)!r}, expected an indicator in one of the columns")


def _first(row: dict[str, Any], names: Iterable[str]) -> str:
    """The first of the named values that says something."""
    for name in names:
        value = row.get(name)
        if isinstance(value, list):
            value = ",".join(map(str, value))
        if value is not None and str(value).strip().lower() not in NOTHING:
            return str(value).strip()
    return ""


def _value(raw: str) -> str:
    """An indicator as a plain list has it: refanged, without the port of an address; empty where it is none."""
    value = raw.strip().strip('"').replace("[.]", ".").replace("(.)", ".").replace("[:]", ":")[:VALUE_LIMIT]
    if value[:4].lower() == "hxxp":
        value = "http" + value[4:]
    if value.startswith("[") and "]" in value:
        value = value[1 : value.index("]")]
    elif re.fullmatch(r"[\d.]{7,15}:\d{1,5}", value) or re.fullmatch(r"(?:[\w-]+\.)+[a-z]{2,}:\d{1,5}", value, re.IGNORECASE):
        value = value.rpartition(":")[0]
    return "" if any(c.isspace() or not c.isprintable() for c in value) else value


def seconds(text: str) -> int:
    """Seconds since 1970 of a time in ISO 8601 or of a number; 0 where it is none. Times without a zone are UTC."""
    if text.isdigit() and len(text) in (10, 13):
        return int(text[:10])
    try:
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return 0


# JSON.


def _json(text: str) -> Found:
    """One document, or one a line."""
    try:
        yield from _document(json.loads(text))
        return
    except (ValueError, RecursionError):
        pass
    for number, line in enumerate(text.splitlines(), 1):
        try:
            document = json.loads(line) if line.strip() else {}
        except (ValueError, RecursionError):
            yield Broken(number, f"found {clean(line, 60)!r}, expected JSON")
            continue
        if isinstance(document, dict) and document and document.get("type") != "metadata":
            yield from (_row(document, number),) if _first(document, VALUES) else _document(document)


def _document(document: Any) -> Found:
    if isinstance(document, dict):
        if isinstance(document.get("objects"), list):
            yield from _stix(document["objects"])
        elif isinstance(document.get("Event"), dict) or isinstance(document.get("response"), list):
            for event in document.get("response") or [document]:
                yield from _misp(event.get("Event", {}) if isinstance(event, dict) else {})
        elif isinstance(document.get("results"), list) or isinstance(document.get("indicators"), list):
            for pulse in document.get("results") or [document]:
                yield from _otx(pulse if isinstance(pulse, dict) else {})
        elif isinstance(document.get("data"), list):
            yield from _rows(document["data"])
        elif _first(document, VALUES):
            yield _row(document, 1)
        else:
            for value in document.values():
                yield from _rows(value if isinstance(value, list) else [])
    elif isinstance(document, list):
        yield from _rows(document)


def _rows(rows: list[Any]) -> Found:
    for number, row in enumerate(rows, 1):
        if isinstance(row, dict):
            yield from _document(row) if isinstance(row.get("Event"), dict) else (_row(row, number),)
        elif isinstance(row, str):
            value = _value(row)
            yield Indicator(value) if value else Broken(number, f"found {clean(row, 60)!r}, expected an indicator")


def _stix(objects: list[Any]) -> Found:
    """Patterns whose parts are joined by OR; the newest version of each counts, revoked ones do not."""
    newest: dict[str, dict[str, Any]] = {}
    for one in objects:
        if isinstance(one, dict) and one.get("type") == "indicator":
            kept = newest.get(str(one.get("id")))
            if kept is None or str(one.get("modified", "")) >= str(kept.get("modified", "")):
                newest[str(one.get("id"))] = one
    for number, one in enumerate(newest.values(), 1):
        pattern = str(one.get("pattern", ""))
        if one.get("revoked") is True or one.get("pattern_type", "stix") != "stix":
            continue
        if re.search(r"\b(?:AND|FOLLOWEDBY|NOT)\b", re.sub(r"'[^']*'", "", pattern)):
            yield Broken(number, f"the pattern {clean(pattern, 60)!r} needs several things at once and is left out")
            continue
        row = {**one, "category": _first(one, ("name", "labels", "indicator_types"))}
        for value in _STIX.findall(pattern):
            yield _row({**row, "ioc_value": value, "created": one.get("valid_from") or one.get("created")}, number)


def _misp(event: dict[str, Any]) -> Found:
    attributes = [*event.get("Attribute", []), *(each for one in event.get("Object", []) if isinstance(one, dict) for each in one.get("Attribute", []))]
    for number, one in enumerate(attributes, 1):
        if not isinstance(one, dict) or one.get("to_ids") is not True or one.get("deleted") is True or one.get("type") not in MISP_TYPES:
            continue
        parts = str(one.get("value", "")).split("|") if one["type"] == "domain|ip" else [str(one.get("value", "")).partition("|")[0]]
        for value in parts:
            row = {"ioc_value": value, "category": one.get("comment") or event.get("info"), "first_seen": one.get("first_seen") or one.get("timestamp")}
            yield _row(row, number)


def _otx(pulse: dict[str, Any]) -> Found:
    for number, one in enumerate(pulse.get("indicators") or [], 1):
        if isinstance(one, dict) and one.get("type") in OTX_TYPES and one.get("is_active", 1) not in (0, False):
            yield _row({**one, "category": pulse.get("name")}, number)
