"""The hub's database: connections, schema upgrades, partitions by month and sensor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from sensor.core.output import Retry
from sensor.core.reader import clean
from sensor.core.secrecy import masked
from sensor.hub.copying import encoded
from sensor.hub.schema import MIGRATIONS, VERSION
from sensor.hub.settings import Database

Connection = psycopg.Connection[tuple[Any, ...]]
# Key of pg_advisory_xact_lock: one process upgrades the schema at a time.
LOCK = 0x53454E534F52
# A worker writes tables that are newer by as many versions, so that workers can be upgraded one after the other.
# Therefore a migration only adds tables, and columns with a default.
AHEAD = 2
# Number of months with their own partition; older events go to events_other.
MONTHS_BACK = 13
# Parts of a month, by sensor: each has all events of the sensors of some sites. Not by the site itself, since that can
# change, and the primary key, which recognizes events that are sent again, must contain the column.
PARTS = 8
ANSWER_LIMIT = 300
# Types of columns that are not text, in all tables that rows are copied into. Records are given as their bytes.
TYPES = {
    **dict.fromkeys(("sensor", "other_sensor", "log", "seq", "risk", "count", "start"), "int8"),
    **dict.fromkeys(("ts", "first", "last", "begins", "ends"), "timestamptz"),
    **dict.fromkeys(("gone", "closed"), "bool"),
    **dict.fromkeys(("record", "body"), "bytea"),
    **dict.fromkeys(("sites", "alerts"), "text[]"),
    **dict.fromkeys(("ips", "macs", "parties", "sensor_tags"), "words"),
    **dict.fromkeys(
        ("id", "name", "type", "vendor", "model", "merged", "serial", "sensor_owner", "sensor_criticality"), "word"
    ),
    "severity": "int2", "vlan": "int4", "confidence": "float4",
}  # fmt: skip
# PostgreSQL compresses records longer than 2 kB; LZ4, if it was built with it, takes a tenth of the default's time. The
# states of a transaction are in temporary tables, which by default have memory for half of them. No statement takes as
# long as compiling it would.
_SESSION: LiteralString = """
SELECT set_config(name, value, false) FROM (VALUES ('temp_buffers', '64MB'), ('jit', 'off')) settings (name, value)
UNION ALL SELECT set_config(name, 'lz4', false) FROM pg_settings
WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"""
_PARTITIONS: LiteralString = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'events'::regclass AND c.relname ~ '^events_[0-9]{4}_[0-9]{2}$' ORDER BY 1"""


class DatabaseError(Exception):
    """The database cannot be reached or its schema is too new; the message contains neither user nor password."""


def connected(place: Database) -> Connection:
    """A connection in autocommit mode; upgrades the schema. Raises DatabaseError."""
    try:
        password = place.password.reveal() if place.password is not None else None
        base = psycopg.connect(
            place.url, password=password, application_name="sensor hub", connect_timeout=10, autocommit=True
        )
    except (psycopg.Error, Retry) as error:
        raise DatabaseError(f"PostgreSQL: {clean(masked(str(error)), ANSWER_LIMIT)}") from None
    try:
        base.execute(_SESSION)
        upgrade(base)
    except psycopg.Error as error:
        base.close()
        raise DatabaseError(f"PostgreSQL: {error.diag.message_primary or type(error).__name__}") from None
    except DatabaseError:
        base.close()
        raise
    return base


@contextmanager
def guarded() -> Iterator[None]:
    """Convert errors of PostgreSQL into DatabaseError."""
    try:
        yield
    except psycopg.Error as error:
        raise DatabaseError(f"PostgreSQL: {clean(error.diag.message_primary or str(error), ANSWER_LIMIT)}") from None


def upgrade(base: Connection) -> None:
    """Create the tables, or upgrade them from an earlier version. Most connections find them as they should be, and
    take no lock. ``base``: in autocommit mode.
    """
    if _is_current(base):
        return
    with base.transaction():
        base.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        base.execute("CREATE TABLE IF NOT EXISTS hub_version (version integer NOT NULL)")
        row = base.execute("SELECT max(version) FROM hub_version").fetchone()
        found = (row[0] if row else None) or 0
        if found > VERSION + AHEAD:
            text = f"the tables have version {found}, expected at most {VERSION + AHEAD}: upgrade this worker"
            raise DatabaseError(text)
        for step in MIGRATIONS[found:]:
            base.execute(step)
        if found < VERSION:
            base.execute("INSERT INTO hub_version VALUES (%s)", [VERSION])


def _is_current(base: Connection) -> bool:
    try:
        row = base.execute("SELECT max(version) FROM hub_version").fetchone()
    except psycopg.errors.UndefinedTable:
        return False
    return row == (VERSION,)


def ensure_partitions(base: Connection, times: Iterable[datetime], now: datetime) -> None:
    """Create partitions for the months of these times that need one, each in its own transaction."""
    oldest = month_of(now) - timedelta(days=31 * MONTHS_BACK)
    for month in sorted({month_of(time) for time in times if oldest <= time <= now + timedelta(days=32)}):
        if _is_absent(base, name := f"events_{month:%Y_%m}"):
            with base.transaction():
                base.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
                if _is_absent(base, name):  # no other worker was first
                    _make_partition(base, name, month)


def _is_absent(base: Connection, table: str) -> bool:
    row = base.execute("SELECT to_regclass(%s) IS NULL", [table]).fetchone()
    return row is not None and bool(row[0])


def _make_partition(base: Connection, name: str, month: datetime) -> None:
    """Create the partition of a month, within a transaction: in parts by sensor, each with the events of some sites."""
    bounds = month.isoformat(), month_of(month + timedelta(days=32)).isoformat()
    whole = sql.SQL("CREATE TABLE {} PARTITION OF events FOR VALUES FROM ({}) TO ({}) PARTITION BY HASH (sensor)")
    base.execute(whole.format(sql.Identifier(name), *bounds))
    part = sql.SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES WITH (MODULUS {}, REMAINDER {})")
    for place in range(PARTS):
        base.execute(part.format(sql.Identifier(f"{name}_{place}"), sql.Identifier(name), PARTS, place))


def drop_partitions(base: Connection, before: datetime) -> list[str]:
    """Delete the events of all months that ended before a time; returns the names of the partitions."""
    names = [row[0] for row in base.execute(_PARTITIONS)]
    old = [name for name in names if _end_of(name) <= before]
    for name in old:
        with base.transaction():
            base.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            base.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(name)))
    with base.transaction():  # events from before the first partition
        base.execute("DELETE FROM events_other WHERE ts < %s", [before])
    return old


def _end_of(partition: str) -> datetime:
    """The end of the month of ``events_2026_11``."""
    return month_of(datetime.strptime(partition, "events_%Y_%m").replace(tzinfo=UTC) + timedelta(days=32))


def month_of(time: datetime) -> datetime:
    """The start of the month of a time, UTC."""
    return datetime(time.year, time.month, 1, tzinfo=UTC)


def copy_rows(base: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Within a transaction: copy rows into a table."""
    copy_encoded(base, table, columns, encoded(rows, [TYPES.get(column, "text") for column in columns]))


def copy_encoded(base: Connection, table: str, columns: Sequence[str], content: bytearray) -> None:
    """As ``copy_rows``, with rows in the format of ``sensor.hub.copying``."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(sql.Identifier(table), names)
    with base.cursor().copy(statement) as copy:
        copy.write(content)


def temporary(base: Connection, table: str, like: str, columns: Sequence[str]) -> None:
    """Within a transaction: create an empty temporary table with columns of another table."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    base.execute(
        sql.SQL("CREATE TEMPORARY TABLE IF NOT EXISTS {} ON COMMIT DELETE ROWS AS SELECT {} FROM {} LIMIT 0").format(
            sql.Identifier(table), names, sql.Identifier(like)
        )
    )
    base.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


def grant_reader(base: Connection, role: str, sites: Sequence[str]) -> None:
    """Grant an existing database role read access to rows of some sites; ``*``: all, and tables that have no site.
    Replaces its previous access.
    """
    name = sql.Identifier(role)
    tables = sql.SQL(
        "sensors, logs, events, devices, alerts, alert_notes, incidents, alert_counts, device_counts, campaigns, "
        "upgrades, device_values, report_schedules, reports, device_order, vlan_counts"
    )
    with base.transaction():
        base.execute("DELETE FROM site_access WHERE role = %s", [role])
        base.cursor().executemany("INSERT INTO site_access VALUES (%s, %s)", [(role, site) for site in sites])
        base.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(tables, name))
        whole = sql.SQL(
            "alert_words, device_words, edges, entity_members, mac_conflicts, quarantine, releases, rollouts"
        )
        grant = "GRANT SELECT ON {} TO {}" if "*" in sites else "REVOKE SELECT ON {} FROM {}"
        base.execute(sql.SQL(grant).format(whole, name))
