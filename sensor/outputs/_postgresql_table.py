"""The table of ``postgresql``: the statements that create and fill it, and a record as a row."""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import Any

from sensor.core.output import Entry
from sensor.outputs._names import device_of, part

NAME_LIMIT = 63

# `row` returns the values in the same order.
COLUMNS = {
    "id": "text",
    "ts": "timestamptz",
    "kind": "text",
    "action": "text",
    "severity": "text",
    "sensor": "text",
    "seq": "bigint",
    "detector": "text",
    "src_ip": "inet",
    "dst_ip": "inet",
    "device": "text",
    "msg": "text",
    "body": "jsonb",
}
# Fields that an output's `fields` cannot leave out.
REQUIRED = ("id", "kind", "seq", "body")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
# An escaped NUL, which JSON can contain and jsonb cannot; not a literal backslash before ``u0000``.
_ZERO = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def valid_name(name: str) -> str:
    """The name itself: an identifier that needs no quoting. Raises ValueError for any other."""
    parts = name.split(".")
    if len(parts) > 2 or not all(_NAME.fullmatch(part) and len(part) <= NAME_LIMIT for part in parts):
        raise ValueError(
            f"found {name[:NAME_LIMIT]!r}, expected a name such as sensor_events or siem.sensor_events, of "
            "letters, digits and underscores"
        )
    return name


def table_of(table: str) -> str:
    """Statements that create a table and its indexes if they do not exist."""
    name = table.rpartition(".")[2]
    columns = ",\n".join(f"    {column} {kind}{_bound(column)}" for column, kind in COLUMNS.items())
    made = [
        f"CREATE TABLE IF NOT EXISTS {quoted(table)} (\n{columns}\n)",
        f'CREATE INDEX IF NOT EXISTS "{name[:50]}_ts" ON {quoted(table)} (ts)',
        f'CREATE INDEX IF NOT EXISTS "{name[:50]}_device" ON {quoted(table)} (device, ts) WHERE device IS NOT NULL',
        (
            f'CREATE INDEX IF NOT EXISTS "{name[:50]}_detector" ON {quoted(table)} (detector, ts) WHERE '
            "detector IS NOT NULL"
        ),
    ]
    return ";\n".join(made) + ";\n"


def insert_of(table: str) -> str:
    """One statement for a batch of any size: each column is one binary array parameter, so that nothing needs to be
    escaped.
    """
    lists = ", ".join("%b::text[]" for _ in COLUMNS)
    chosen = ", ".join(column if kind == "text" else f"{column}::{kind}" for column, kind in COLUMNS.items())
    names = ", ".join(COLUMNS)
    # The table name was validated; all else is constant.
    rows = f"SELECT {chosen} FROM unnest({lists}) AS given ({names})"  # noqa: S608
    return f"INSERT INTO {quoted(table)} ({names}) {rows} ON CONFLICT (id) DO NOTHING"


def quoted(table: str) -> str:
    return ".".join(f'"{part}"' for part in table.split("."))


def row(entry: Entry) -> tuple[str | None, ...]:
    """A record as text values in the order of the columns."""
    record = entry.record
    return (
        entry.id,
        record.get("ts"),
        entry.kind,
        record.get("action"),
        record.get("severity"),
        part(record, "sensor").get("id"),
        str(entry.seq),
        part(record, "alert").get("detector"),
        _address(part(record, "src").get("ip") or next(iter(part(record, "device").get("ips") or ()), None)),
        _address(part(record, "dst").get("ip")),
        device_of(record) or None,
        _text(record.get("msg")),
        _ZERO.sub(rb"\1\\ufffd", entry.payload).decode("utf-8", "replace")
        if b"\\u0000" in entry.payload
        else entry.payload.decode("utf-8", "replace"),
    )


@functools.lru_cache(maxsize=4096)
def _address(text: Any) -> str | None:
    """An address for an inet column; None for anything else, such as a hash."""
    try:
        return str(ipaddress.ip_address(text)) if isinstance(text, str) else None
    except ValueError:
        return None


def _text(text: Any) -> str:
    """Text that a database accepts: without NUL and lone surrogates."""
    return str(text or "").replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _bound(column: str) -> str:
    return " PRIMARY KEY" if column == "id" else " NOT NULL" if column in REQUIRED else ""
