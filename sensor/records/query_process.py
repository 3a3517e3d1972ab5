"""The query process. It reads its configuration from standard input, then one request per line, and answers with one
line each. It cannot write files, open files outside the folder of the records, load extensions, or change these
restrictions.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec

from sensor.records.by_community import narrowed
from sensor.records.schema import CONN
from sensor.records.views import MARK, shown

ENCODER = msgspec.json.Encoder()
# Rows of a computed table that are inserted at once.
FILLED = 10_000
# Limit on the newest rows of a search for which columns are read late, after the rows are found.
LATE_ROWS = 1_000
ALERTS = "alert_ids"


class QueryStart(msgspec.Struct):
    """The first line. ``statements`` create the views; ``folder``: the only readable one; ``nice``: increment of the
    process's niceness.
    """

    folder: str
    statements: list[str]
    memory_mib: int
    threads: int
    nice: int = 0


class Request(msgspec.Struct):
    """A query of a user or of the sensor. ``most``: limit on rows of the answer; ``fill``: instead of a query, insert
    rows into this computed table.
    """

    sql: str
    most: int
    values: list[Any] = []
    fill: str = ""


class Answer(msgspec.Struct):
    """Columns, their types and rows; or an error. ``more``: there were more rows."""

    columns: list[str] = []
    types: list[str] = []
    rows: list[list[Any]] = []
    more: bool = False
    error: str = ""


def main() -> int:
    lines = sys.stdin.buffer
    begin = msgspec.json.decode(lines.readline(), type=QueryStart)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with contextlib.suppress(OSError):  # a systemd unit may forbid it
        os.nice(begin.nice)
    connection = opened(begin)
    for line in lines:
        sys.stdout.buffer.write(ENCODER.encode(answer(connection, msgspec.json.decode(line, type=Request))) + b"\n")
        sys.stdout.buffer.flush()
    return 0


def opened(begin: QueryStart) -> Any:
    """A locked in-memory database with the views."""
    import duckdb

    connection = duckdb.connect(":memory:")
    for statement in begin.statements:
        connection.execute(statement)
    for setting in (
        f"SET memory_limit = '{begin.memory_mib}MiB'",
        f"SET threads = {begin.threads}",
        "SET temp_directory = ''",
        f"SET late_materialization_max_rows = {LATE_ROWS}",
        "SET TimeZone = 'UTC'" if _has_zones(connection) else "SELECT 1",
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        "SET allow_community_extensions = false",
        "SET allowed_directories = ['" + begin.folder.replace("'", "''") + "']",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        connection.execute(setting)
    return connection


def _has_zones(connection: Any) -> bool:
    found = connection.execute("SELECT count(*) FROM duckdb_settings() WHERE name = 'TimeZone'").fetchone()
    return bool(found[0])


def answer(connection: Any, request: Request) -> Answer:
    """The result of a query. Only a single SELECT is accepted."""
    import duckdb

    try:
        if request.fill:
            return filled(connection, request.fill, request.values)
        statements = connection.extract_statements(request.sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            kinds = ", ".join(statement.type.name for statement in statements) or "nothing"
            return Answer(error=f"found {kinds}, expected one SELECT: queries are read-only")
        return executed(connection, request, statements[0])
    except duckdb.Error as error:
        return Answer(error=str(error))


def executed(connection: Any, request: Request, statement: Any) -> Answer:
    """The result of a SELECT; if it uses the alerts of connections, with these joined."""
    import duckdb

    if ALERTS not in request.sql.lower():  # by name it could be in TRY, which hides the error
        try:
            return fetched(connection, request, statement, alerts=False)
        except duckdb.ConversionException as error:
            if MARK not in str(error):
                raise
    try:
        connection.execute(f"CREATE OR REPLACE VIEW {CONN.name} AS {shown(CONN, alerts=True)}")
        return fetched(connection, request, statement, alerts=True)
    finally:
        connection.execute(f"CREATE OR REPLACE VIEW {CONN.name} AS {shown(CONN)}")


def fetched(connection: Any, request: Request, statement: Any, *, alerts: bool) -> Answer:
    """Run a SELECT, if possible in a form that reads fewer rows; errors are those of the original."""
    import duckdb

    done = None
    if (faster := narrowed(connection, request.sql, alerts=alerts)) is not None:
        with contextlib.suppress(duckdb.BinderException):
            done = connection.execute(faster, request.values)
    done = done or connection.execute(statement, request.values)
    columns, types = [column[0] for column in done.description], [str(column[1]) for column in done.description]
    rows = done.fetchmany(request.most + 1)
    return Answer(
        columns, types, [[plain(value) for value in row] for row in rows[: request.most]], len(rows) > request.most
    )


def filled(connection: Any, table: str, rows: list[list[Any]]) -> Answer:
    """Insert rows into a computed table."""
    for at in range(0, len(rows), FILLED):
        columns = [list(column) for column in zip(*rows[at : at + FILLED], strict=True)]
        connection.execute(f"INSERT INTO {table} SELECT {', '.join(['unnest(?)'] * len(columns))}", columns)
    return Answer()


def plain(value: Any) -> Any:
    """A value in JSON form."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):  # RFC 3339; times without a zone are UTC
        utc = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo is not None else value
        return f"{utc.isoformat(timespec='microseconds')}Z"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


if __name__ == "__main__":
    sys.exit(main())
