"""Rows of traffic records as entries of an output: shaped like records of the event log, in the output's format."""

from __future__ import annotations

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
_COMMON = frozenset(("ts", "sensor", "site", "vlan", "proto", "community_id"))
_ENCODER = msgspec.json.Encoder()


def kinds_of(chosen: Filter) -> list[str]:
    """The tables that a filter selects."""
    return [kind for kind in chosen.kinds if kind in KINDS]


def selected(chosen: Filter, row: Row) -> bool:
    """Whether a filter selects a row by VLAN and site; severity, detectors and types apply to events only."""
    if chosen.vlans and row["vlan"] not in chosen.vlans:
        return False
    return not chosen.sites or any(fnmatchcase(row["site"] or "", glob) for glob in chosen.sites)


def record_of(table: str, row: Row) -> Body:
    """A row shaped like an event log record. Its id is derived from its content: a repeated row has the same id."""
    raw = _ENCODER.encode([table, sorted(row.items())])
    made: Body = {
        "ts": f"{row['ts']}Z",
        "kind": table,
        "action": "recorded",
        "severity": "info",
        "id": f"{table}-{hashlib.blake2b(raw, digest_size=10).hexdigest()}",
        "msg": summary({"table": table, **row}),
        "sensor": _filled({"id": row["sensor"], "site": row["site"]}),
    }
    for end in _ENDS:
        made[end] = _filled({name: row.get(f"{end}_{name}") for name in OF_AN_END})
    made["network"] = _filled({"vlan": row["vlan"], "transport": row["proto"], "community_id": row.get("community_id")})
    own = {name: value for name, value in row.items() if name not in _COMMON and name.partition("_")[0] not in _ENDS}
    sizes = {name: row[name] for name in row if name.endswith(("_bytes", "_packets", "_payload"))}
    made[table] = _filled(own | sizes)
    return made


def ecs(table: str, row: Row) -> bytes:
    """A row in the Elastic Common Schema; fields without an equivalent are below ``sensor``."""
    record = record_of(table, row)
    made: Body = {
        "@timestamp": record["ts"],
        "ecs": {"version": VERSION},
        "message": record["msg"],
        "event": {"kind": "event", "category": ["network"], "id": record["id"], "dataset": f"sensor.{table}"},
    }
    for column in TABLES[table].columns:
        value = row.get(column.name)
        if value is not None and column.name != "ts":
            _set(made, column.ecs or f"sensor.{table}.{column.name}", value)
    return encoded(made)


def _set(made: Body, path: str, value: Any) -> None:
    """Set a value at a dotted path. Durations of the schema are nanoseconds."""
    *parts, last = path.split(".")
    place = made
    for part in parts:
        place = place.setdefault(part, {})
    place[last] = round(value * 1e9) if path == "event.duration" else value


def _filled(body: Body) -> Body:
    return {name: value for name, value in body.items() if value is not None}


class Entries:
    """Entries of one output. ``change``: fields that it leaves out or redacts; None: none."""

    def __init__(self, chosen: Filter, form: str, change: Callable[[Body], Body] | None) -> None:
        self._filter, self._form, self._change = chosen, form, change

    def of(self, table: str, rows: Iterator[Body]) -> Iterator[Entry | None]:
        """One numbered entry per row; None if the filter excludes it."""
        for number, row in enumerate(rows, 1):
            if not selected(self._filter, row):
                yield None
                continue
            record = record_of(table, row)
            if self._change is not None:
                record = self._change(record)
            payload = ecs(table, row) if self._form == "ecs" else encoded(record)
            yield Entry(number, record, payload)
