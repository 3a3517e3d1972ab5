"""Lines of an event log as far as the tables need them. A log may be foreign or damaged: what has other types than
these is no usable record.

Texts are cut to their limits, so that a hostile log makes no row larger than ours are.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from sensor.core.addresses import parse

SEVERITIES = ("info", "low", "medium", "high", "critical")
WORD, TEXT = 256, 512
_MAPPED = bytes(10) + b"\xff\xff"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Beyond these, integers do not fit into a column.
Number = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


class Origin(msgspec.Struct):
    """The sensor that wrote it."""

    id: str = ""
    site: str = ""
    seq: Number = 0


class End(msgspec.Struct):
    """One end of a finding."""

    ip: str = ""
    mac: str = ""
    device: str = ""
    hostname: str = ""
    type: str = ""


class Network(msgspec.Struct):
    """The conversation that a finding is about."""

    vlan: Number = 0


class Technique(msgspec.Struct):
    """Of MITRE ATT&CK."""

    tactic: str = ""
    technique: str = ""
    name: str = ""


class AlertPart(msgspec.Struct):
    """The fields of an alert record."""

    id: str
    key: str = ""
    detector: str = ""
    title: str = ""
    risk: Number = 0
    count: Number = 1
    first: str = ""
    last: str = ""
    attack: list[Technique] = []


class Chapter(msgspec.Struct):
    """An alert of an incident."""

    alert: str = ""


class IncidentPart(msgspec.Struct):
    """The fields of an incident record."""

    id: str
    story: list[Chapter] = []
    risk: Number = 0
    count: Number = 1
    first: str = ""
    last: str = ""


class RecommendationPart(msgspec.Struct):
    """The fields of a recommendation record."""

    id: str
    setting: str = ""
    first: str = ""
    last: str = ""


class DevicePart(msgspec.Struct):
    """Which device a record is about."""

    id: str


class Facts(msgspec.Struct):
    """What a finding of the sensor itself is about."""

    check: str = ""


class Line(msgspec.Struct):
    """A record, as far as tables have columns for it."""

    ts: str
    kind: str
    action: str = ""
    severity: str = "info"
    msg: str = ""
    id: str = ""
    sensor: Origin = msgspec.field(default_factory=Origin)
    alert: AlertPart | None = None
    incident: IncidentPart | None = None
    recommendation: RecommendationPart | None = None
    device: DevicePart | None = None
    src: End = msgspec.field(default_factory=End)
    dst: End = msgspec.field(default_factory=End)
    targets: list[End] = []
    facts: Facts = msgspec.field(default_factory=Facts)
    network: Network = msgspec.field(default_factory=Network)

    @property
    def level(self) -> int:
        """The severity as a number, 0 to 4; unknown values count as the least."""
        return _LEVELS.get(self.severity, 0)

    @property
    def summary(self) -> str:
        return self.msg[:TEXT]


_LEVELS = {name: level for level, name in enumerate(SEVERITIES)}
_LINE = msgspec.json.Decoder(Line)


def line_of(text: bytes) -> Line | None:
    """The record of a line; None where it is not usable: no JSON, other types than ours, or no time."""
    try:
        line = _LINE.decode(text)
        time_ns(line.ts)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, OverflowError):
        return None
    return line


@functools.lru_cache(maxsize=4096)
def time_ns(text: str) -> int:
    """RFC 3339 as ns since the epoch, UTC where no zone is named. ValueError or OverflowError where it is no time."""
    when = datetime.fromisoformat(text)
    since = (when if when.tzinfo is not None else when.replace(tzinfo=UTC)) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000


def time_or(text: str, other: int) -> int:
    """A time that may be absent or wrong."""
    try:
        return time_ns(text) if text else other
    except (ValueError, OverflowError):
        return other


@functools.lru_cache(maxsize=16384)
def address_bytes(text: str) -> bytes | None:
    """An IP address as 16 bytes that sort as addresses do, IPv4 as mapped (RFC 4291); None where it is none."""
    parts = text.split(".")
    if len(parts) == 4 and all(
        part.isascii() and part.isdecimal() and len(part) <= 3 and int(part) < 256 and str(int(part)) == part
        for part in parts
    ):
        return _MAPPED + bytes(map(int, parts))  # most are IPv4, and this is ten times as fast
    try:
        return parse(text).to_bytes(16, "big")
    except ValueError:
        return None


def names_of(end: End) -> Iterator[tuple[str, str]]:
    """(kind, value) of all that an end is known by."""
    if end.ip:
        yield "ip", end.ip[:WORD]
    if end.mac:
        yield "mac", end.mac[:WORD]
    if end.device:
        yield "device", end.device[:WORD]
    if end.hostname:
        yield "name", end.hostname[:WORD].casefold()
