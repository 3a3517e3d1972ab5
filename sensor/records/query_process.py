"""The process in which queries run. It reads what it may from standard input, one request a line, and answers a line
each. It can write no file, open none outside the folder of the records, load no extension, and change none of this.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from typing import Any

import msgspec

ENCODER = msgspec.json.Encoder()
# Rows of a computed table that are put in at once.
FILLED = 10_000
# The newest rows of a search are read whole only once they are found, up to so many.
LATE_ROWS = 1_000


class Begin(msgspec.Struct):
    """The first line. ``statements`` make the views; ``folder``: the only one that may be read; ``nice``: added to the
    niceness of the process.
    """

    folder: str
    statements: list[str]
    memory_mib: int
    threads: int
    nice: int = 0


class Request(msgspec.Struct):
    """A query of a user, or one of ours. ``most``: rows of the answer; ``fill``: instead, rows for this table that is
    computed and not stored.
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
    begin = msgspec.json.decode(lines.readline(), type=Begin)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with contextlib.suppress(OSError):  # where a unit forbids it
        os.nice(begin.nice)
    connection = opened(begin)
    for line in lines:
        sys.stdout.buffer.write(ENCODER.encode(answer(connection, msgspec.json.decode(line, type=Request))) + b"\n")
        sys.stdout.buffer.flush()
    return 0


def opened(begin: Begin) -> Any:
    """A database in memory with the views in it, locked."""
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
    """What a query gives. Only one SELECT is run."""
    import duckdb

    try:
        if request.fill:
            return filled(connection, request.fill, request.values)
        statements = connection.extract_statements(request.sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            kinds = ", ".join(statement.type.name for statement in statements) or "nothing"
            return Answer(error=f"found {kinds}, expected one SELECT: queries only read")
        done = connection.execute(statements[0], request.values)
        columns, types = [column[0] for column in done.description], [str(column[1]) for column in done.description]
        rows = done.fetchmany(request.most + 1)
    except duckdb.Error as error:
        return Answer(error=str(error))
    return Answer(
        columns, types, [[plain(value) for value in row] for row in rows[: request.most]], len(rows) > request.most
    )


def filled(connection: Any, table: str, rows: list[list[Any]]) -> Answer:
    """Rows of a computed table."""
    for at in range(0, len(rows), FILLED):
        columns = [list(column) for column in zip(*rows[at : at + FILLED], strict=True)]
        connection.execute(f"INSERT INTO {table} SELECT {', '.join(['unnest(?)'] * len(columns))}", columns)
    return Answer()


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


if __name__ == "__main__":
    sys.exit(main())
