"""Lines of an event log, decoded as far as the tables need them. A log may be foreign or damaged: records with other
types are unusable.

Texts are truncated to their limits, so that a hostile log makes no row larger than the sensor's own. No struct refers
to itself, so the garbage collector tracks none: with a million lines it would take a tenth of the time.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec

from sensor.core.addresses import parse
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.severities import SEVERITIES

WORD, TEXT = 256, 512
_IPV4 = lazy_pattern(r"\.".join([r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"] * 4))
_MAPPED = bytes(10) + b"\xff\xff"
_OURS = lazy_pattern(r".{17}[0-5][0-9]\.[0-9]{6}Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Larger integers do not fit into a column.
Number = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
# Replaces a time that is absent or invalid.
NoTime = TypeVar("NoTime", bound=int | None)


class Origin(msgspec.Struct, gc=False):
    """The sensor that wrote it."""

    id: str = ""
    site: str = ""
    seq: Number = 0


class Names(msgspec.Struct, gc=False, frozen=True):
    """The names of an endpoint of a finding."""

    ip: str = ""
    mac: str = ""
    device: str = ""
    hostname: str = ""


class End(Names, gc=False, frozen=True):
    """One endpoint of a finding."""

    type: str = ""


# The identifiers of an endpoint: IP address, MAC, device id, name, VLAN; empty, or 0, if unknown.
Party = tuple[str, str, str, str, int]


def party_of(end: End, vlan: int = 0) -> Party:
    """The identifiers of an endpoint."""
    return end.ip[:WORD], end.mac[:WORD], end.device[:WORD], end.hostname[:WORD].casefold(), vlan


class Network(msgspec.Struct, gc=False):
    """The flow of a finding."""

    vlan: Number = 0


class Technique(msgspec.Struct, gc=False):
    """A MITRE ATT&CK technique."""

    tactic: str = ""
    technique: str = ""
    name: str = ""


class FindingFacts(msgspec.Struct, gc=False):
    """What records of alerts and incidents have in common."""

    id: str
    risk: Number = 0
    count: Number = 1
    first: str = ""
    last: str = ""


class AlertState(FindingFacts, gc=False):
    """The fields of an alert record in the hub, too."""

    detector: str = ""
    title: str = ""


class AlertPart(AlertState, gc=False):
    """The fields of an alert record."""

    key: str = ""
    attack: list[Technique] = []


class Chapter(msgspec.Struct, gc=False):
    """An alert of an incident."""

    alert: str = ""


class IncidentPart(FindingFacts, gc=False):
    """The fields of an incident record."""

    story: list[Chapter] = []


class RecommendationPart(msgspec.Struct, gc=False):
    """The fields of a recommendation record."""

    id: str
    setting: str = ""
    first: str = ""
    last: str = ""


class DevicePart(msgspec.Struct, gc=False):
    """The device of a record."""

    id: str


class Facts(msgspec.Struct, gc=False):
    """The facts of a finding about the sensor itself."""

    check: str = ""


class RecordHead(msgspec.Struct, gc=False):
    """What all records have in common."""

    ts: str
    kind: str
    action: str = ""
    severity: str = "info"
    msg: str = ""
    id: str = ""
    sensor: Origin = msgspec.field(default_factory=Origin)

    @property
    def level(self) -> int:
        """The severity as a number, 0 to 4; unknown values are treated as 0."""
        return _LEVELS.get(self.severity, 0)

    @property
    def summary(self) -> str:
        return self.msg[:TEXT]


class Line(RecordHead, gc=False):
    """A record, with the fields that tables have columns for. ``ns``: its time, ns; never read from a line."""

    alert: AlertPart | None = None
    incident: IncidentPart | None = None
    recommendation: RecommendationPart | None = None
    device: DevicePart | None = None
    src: End = msgspec.field(default_factory=End)
    dst: End = msgspec.field(default_factory=End)
    targets: list[End] = []
    facts: Facts = msgspec.field(default_factory=Facts)
    network: Network = msgspec.field(default_factory=Network)
    ns: int = msgspec.field(default=0, name="-ns")

    def time_or(self, text: str, other: NoTime) -> int | NoTime:
        """A time that may be absent or invalid; in most cases it is that of the record."""
        return self.ns if text == self.ts else time_or(text, other)


_LEVELS = {name: level for level, name in enumerate(SEVERITIES)}
_LINE = msgspec.json.Decoder(Line)


def line_of(text: bytes) -> Line | None:
    """The record of a line; None if it is unusable: no JSON, other types, or no time."""
    try:
        line = _LINE.decode(text)
        line.ns = time_ns(line.ts)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, OverflowError):
        return None
    return line


def time_ns(text: str) -> int:
    """RFC 3339 as ns since the epoch, UTC if it names no zone. Raises ValueError or OverflowError for invalid times."""
    # Fast path for the sensor's own format, ``2026-11-24T08:17:01.250000Z``: lines of one minute are adjacent.
    if _OURS.fullmatch(text) is not None:
        return _minute_ns(text[:17]) + int(text[17:19]) * 1_000_000_000 + int(text[20:26]) * 1000
    return _time_ns(text)


@functools.lru_cache(maxsize=4096)
def _minute_ns(text: str) -> int:
    """``2026-11-24T08:17:`` as ns since the epoch. Raises ValueError."""
    return _time_ns(f"{text}00Z")


@functools.lru_cache(maxsize=4096)
def _time_ns(text: str) -> int:
    when = datetime.fromisoformat(text)
    since = (when if when.tzinfo is not None else when.replace(tzinfo=UTC)) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000


def time_or(text: str, other: NoTime) -> int | NoTime:
    """A time that may be absent or invalid."""
    try:
        return time_ns(text) if text else other
    except (ValueError, OverflowError):
        return other


@functools.lru_cache(maxsize=16384)
def address_bytes(text: str) -> bytes | None:
    """An IP address as 16 bytes that sort like addresses, IPv4 as mapped (RFC 4291); None if the text is not an
    address.
    """
    if (four := _IPV4.fullmatch(text)) is not None:  # most are, and this is ten times as fast
        return _MAPPED + bytes(map(int, four.groups()))
    try:
        return parse(text).to_bytes(16, "big")
    except ValueError:
        return None
