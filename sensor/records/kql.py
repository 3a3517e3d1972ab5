"""Queries in KQL, the language of Microsoft Defender's advanced hunting, translated to SQL by the package duckdb-kql.

Experimental: the package is young. It rejects what it cannot translate. The SQL runs like every other query, read-only
and with the same limits.
"""

from __future__ import annotations

import importlib
import importlib.util
from datetime import UTC, datetime
from typing import Any

from sensor.records.query import Query

PACKAGE = "duckdb_kql"
# The parameter of translated queries that holds the current time.
NOW = "CAST($kqlnow AS TIMESTAMP)"
MISSING = "KQL needs the package duckdb-kql: pip install 'passive-network-sensor[kql]'"


class KqlError(Exception):
    """The query cannot be translated; the message has the position and the reason. ``unsupported``: it is valid KQL
    that cannot be translated.
    """

    def __init__(self, text: str, *, unsupported: bool) -> None:
        super().__init__(text)
        self.unsupported = unsupported


def installed() -> bool:
    """Whether the extra ``kql`` is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


def translated(text: str, query: Query) -> str:
    """The SQL of a query. ``now()`` is the time of the newest record, so that ``ago(7d)`` works for replays. Raises
    KqlError.
    """
    package: Any = importlib.import_module(PACKAGE)
    newest = datetime.fromtimestamp(max((file.last for file in query.files), default=0) / 1e6, UTC)
    try:
        made = package.to_sql(
            text,
            schema=_columns(query),
            allow_write=False,
            query_now=newest,
        )
    except package.KqlError as error:
        unsupported = not isinstance(error, package.KqlSyntaxError | package.KqlSchemaError)
        text, hint = str(error).partition(" (not implemented")[0], "; `sensor hunt sql` runs SQL queries"
        raise KqlError(text + (hint if unsupported else ""), unsupported=unsupported) from None
    return str(made).replace(NOW, f"TIMESTAMP '{newest:%Y-%m-%d %H:%M:%S.%f}'")


def _columns(query: Query) -> dict[str, list[str]]:
    """The columns of each table and view, in order."""
    found: dict[str, list[str]] = {}
    sql = "SELECT table_name, column_name FROM information_schema.columns ORDER BY table_name, ordinal_position"
    for table, column in query.run(sql).rows:
        found.setdefault(table, []).append(column)
    return found
