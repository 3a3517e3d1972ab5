"""Rows of traffic records as entries of an output: shaped like records of the event log, in the output's format."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from sensor.core.output import Entry, Filter
from sensor.core.record_json import encoded
from sensor.outputs.formats.ecs import VERSION
from sensor.records.schema import TABLES, TRAFFIC
from sensor.records.summary import summary

KINDS = tuple(table.name for table in TRAFFIC)
FORMATS = ("native", "ecs")
Body = dict[str, Any]
Row = Mapping[str, Any]
OF_AN_END = ("ip", "port", "mac", "device", "country", "asn", "as_org")
_ENDS = ("src", "dst")
# Columns of all tables that are not below the name of their table.
_COMMON = {
    "sensor": ("sensor", "id"), "site": ("sensor", "site"), "vlan": ("network", "vlan"),
    "proto": ("network", "transport"), "community_id": ("network", "community_id"),
}  # fmt: skip
_ENCODER = msgspec.json.Encoder()


def kinds_of(chosen: Filter) -> list[str]:
    """The tables that a filter selects."""
    return [kind for kind in chosen.kinds if kind in KINDS]


def selected(chosen: Filter, row: Row) -> bool:
    """Whether a filter selects a row by VLAN and site; severity, detectors and types apply to events only."""
    if chosen.vlans and row["vlan"] not in chosen.vlans:
        return False
    return not chosen.sites or any(fnmatchcase(row["site"] or "", glob) for glob in chosen.sites)


@functools.cache
def _place(table: str, column: str) -> tuple[str, str]:
    """Object and key of a column in a record."""
    end, _, name = column.partition("_")
    return (end, name) if end in _ENDS and name in OF_AN_END else _COMMON.get(column, (table, column))


def record_of(table: str, row: Row, key: bytes = b"") -> Body:
    """A row shaped like an event log record. Its id is derived from its content: a repeated row has the same id.
    ``key``: of the hash, where values are redacted, which could be guessed from it otherwise.
    """
    raw = _ENCODER.encode([table, sorted(row.items())])
    made: Body = {
        "ts": row["ts"],
        "kind": table,
        "action": "recorded",
        "severity": "info",
        "id": f"{table}-{hashlib.blake2b(raw, key=key, digest_size=10).hexdigest()}",
        "msg": summary({"table": table, **row}),
        **{part: {} for part in ("sensor", *_ENDS, "network", table)},
    }
    for column, value in row.items():
        if value is not None and column != "ts":
            part, name = _place(table, column)
            made[part][name] = value
    return made


def ecs(table: str, record: Body) -> bytes:
    """A record in the Elastic Common Schema; fields without an equivalent are below ``sensor``."""
    made: Body = {
        "@timestamp": record["ts"],
        "ecs": {"version": VERSION},
        "message": record["msg"],
        "event": {"kind": "event", "category": ["network"], "id": record["id"], "dataset": f"sensor.{table}"},
    }
    for column in TABLES[table].columns:
        part, name = _place(table, column.name)
        value = record.get(part, {}).get(name)
        if value is not None and column.name != "ts":
            _set(made, column.ecs or f"sensor.{table}.{column.name}", value)
    return encoded(made)


def _set(made: Body, path: str, value: Any) -> None:
    """Set a value at a dotted path. Durations of the schema are nanoseconds."""
    *parts, last = path.split(".")
    place = made
    for part in parts:
        place = place.setdefault(part, {})
    place[last] = round(value * 1e9) if path == "event.duration" and not isinstance(value, str) else value


class Entries:
    """Entries of one output. ``change``: fields that it leaves out or redacts; None: none; ``salt``: of redacted
    values, empty if there are none.
    """

    def __init__(
        self, chosen: Filter, form: str, change: Callable[[Body], Body] | None, salt: bytes = b""
    ) -> None:  # fmt: skip
        self._filter, self._form, self._change, self._salt = chosen, form, change, salt

    def of(self, table: str, rows: Iterator[Body]) -> Iterator[Entry | None]:
        """One numbered entry per row; None if the filter excludes it."""
        for number, row in enumerate(rows, 1):
            if not selected(self._filter, row):
                yield None
                continue
            record = record_of(table, row, self._salt)
            if self._change is not None:
                record = self._change(record)
            payload = ecs(table, record) if self._form == "ecs" else encoded(record)
            yield Entry(number, record, payload)
