"""Mutes of the operator, and the alerts that they suppressed."""

from __future__ import annotations

from typing import Any

import msgspec

from sensor.core.severities import SEVERITIES
from sensor.views.dataset import Data
from sensor.views.errors import one_of
from sensor.views.listing import contains, facets_of, page_of, value_of
from sensor.views.page import Page, mark_of
from sensor.views.severity_levels import levels_of

STATES = ("active", "expired")
SORTS = ("place", "created", "expires", "silenced", "last", "id")
MUTED_SORTS = ("last", "severity", "count", "mute")

_MUTES = """
SELECT id, detector, src, dst, port, type, vlan, hours, author, reason, created, expires, scope,
    coalesce((SELECT sum(count) FROM muted_alerts WHERE mute = mutes.id), 0),
    coalesce((SELECT max(last) FROM muted_alerts WHERE mute = mutes.id), 0)
FROM mutes ORDER BY number
"""
_MUTED = "SELECT alert, mute, severity, detector, count, last, summary, record FROM muted_alerts ORDER BY seq"
_COUNTS = "SELECT mute, sum(count) FROM muted_alerts GROUP BY mute"
_DECODER = msgspec.json.Decoder(dict[str, Any])


class MuteFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``text``: words that must all occur in a mute, ignoring case; ``state``: one of STATES; ``author``."""

    text: str = ""
    state: tuple[str, ...] = ()
    author: str = ""


class MutedFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``text``: words that must all occur in the summary or the detector; ``mute``: ids; ``severity``: at least; times
    in ns, of the last occurrence.
    """

    text: str = ""
    mute: tuple[str, ...] = ()
    severity: str = ""
    since: int | None = None
    until: int | None = None


class MuteRow(msgspec.Struct, frozen=True):
    """A mute as the engine uses it. Empty fields and 0 match everything; times in ns, 0 for none. ``scope``: what it
    suppresses, as text; ``silenced`` and ``last``: number of suppressed findings, and time of the last one.
    """

    id: str
    detector: str
    src: str
    dst: str
    port: int
    type: str
    vlan: int
    hours: str
    author: str
    reason: str
    created: int
    expires: int
    scope: str
    silenced: int
    last: int
    state: str


class MutedRow(msgspec.Struct, frozen=True):
    """A suppressed alert. ``last``: ns; ``record``: from the log of suppressed alerts."""

    alert: str
    mute: str
    severity: str
    detector: str
    count: int
    last: int
    summary: str
    record: dict[str, Any]


EVERY_MUTE, EVERY_MUTED = MuteFilter(), MutedFilter()


def mutes(
    data: Data, wanted: MuteFilter = EVERY_MUTE, sort: str = "place", *, now: int, limit: int = 100, cursor: str = ""
) -> Page[MuteRow]:
    """A page of mutes. ``sort``: one of SORTS, ``place`` is the order in which they are applied; ``now``: ns, reference
    time of expiry. Raises Unknown or Malformed for invalid arguments.
    """
    one_of("state", wanted.state, STATES)
    one_of("sort", [sort], SORTS)
    rows = [row for values in data.base.execute(_MUTES) if _fits(row := _mute(tuple(values), now), wanted)]
    if sort != "place":
        rows.sort(key=lambda row: getattr(row, sort), reverse=sort != "id")
    facets = facets_of(rows, {name: value_of(name) for name in ("state", "author")})
    return page_of(rows, lambda row: row.id, facets, mark_of(wanted, sort), limit, cursor)


def muted(
    data: Data, wanted: MutedFilter = EVERY_MUTED, sort: str = "last", *, limit: int = 100, cursor: str = ""
) -> Page[MutedRow]:
    """A page of suppressed alerts, the newest or most frequent first. Raises Unknown or Malformed for invalid
    arguments.
    """
    one_of("sort", [sort], MUTED_SORTS)
    levels = levels_of(wanted.severity)
    rows = [row for values in data.base.execute(_MUTED) if _is_wanted(row := _muted(tuple(values)), wanted, levels)]
    rows.sort(key=lambda row: _place(row, sort), reverse=sort != "mute")
    facets = facets_of(rows, {name: value_of(name) for name in ("mute", "severity", "detector")})
    return page_of(rows, lambda row: row.alert, facets, mark_of(wanted, sort), limit, cursor)


def every_muted(data: Data) -> list[MutedRow]:
    """All suppressed alerts, in the order of their records."""
    return [_muted(tuple(values)) for values in data.base.execute(_MUTED)]


def suppressed(data: Data) -> int:
    """Number of alerts suppressed by mutes: they are in no list of alerts."""
    return int(data.base.execute("SELECT count(*) FROM muted_alerts").fetchone()[0])


def silenced(data: Data) -> dict[str, int]:
    """Number of findings suppressed by each mute, by its id; includes mutes that no longer exist."""
    return {str(name): int(count) for name, count in data.base.execute(_COUNTS)}


def fault_of_mutes(data: Data) -> str:
    """Why the file of mutes could not be read; empty if it could. Otherwise the previous mutes remain in effect."""
    row = data.base.execute("SELECT fault FROM mutes_position").fetchone()
    return str(row[0]) if row is not None else ""


def _mute(values: tuple[Any, ...], now: int) -> MuteRow:
    expires = values[11]
    return MuteRow(*(*values, "expired" if expires and expires <= now else "active"))


def _muted(values: tuple[Any, ...]) -> MutedRow:
    alert, mute, severity, *rest, record = values
    return MutedRow(*(alert, mute, SEVERITIES[severity], *rest, _DECODER.decode(record)))


def _fits(row: MuteRow, wanted: MuteFilter) -> bool:
    return (
        (not wanted.state or row.state in wanted.state)
        and (not wanted.author or row.author.casefold() == wanted.author.casefold())
        and contains(wanted.text, (row.id, row.scope, row.author, row.reason))
    )


def _is_wanted(row: MutedRow, wanted: MutedFilter, levels: range) -> bool:
    return (
        (not wanted.mute or row.mute in wanted.mute)
        and SEVERITIES.index(row.severity) in levels
        and (wanted.since is None or row.last >= wanted.since)
        and (wanted.until is None or row.last < wanted.until)
        and contains(wanted.text, (row.summary, row.detector))
    )


def _place(row: MutedRow, sort: str) -> Any:
    return SEVERITIES.index(row.severity) if sort == "severity" else getattr(row, sort)
