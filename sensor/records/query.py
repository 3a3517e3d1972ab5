"""Queries on the records of a folder: selects the files to read, and runs the query process."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sensor.records.confined import Confined, QueryError
from sensor.records.file_selection import Values, newest_first, paths_of, that_may_hold
from sensor.records.manifest import File
from sensor.records.query_process import Answer, QueryStart, Request
from sensor.records.readable import NoRecords, Range, UnreadableRecords, readable
from sensor.records.schema import TABLES, TRAFFIC, Table
from sensor.records.views import selected, statements, whole_name

MEMORY_MIB, SECONDS, ROWS, NICE = 512, 60.0, 10_000, 10
__all__ = ["NoRecords", "Query", "QueryError", "Range", "UnreadableRecords"]
# The rows of a table that is not stored.
Computed = Callable[[], Sequence[Sequence[Any]]]


class Query:
    """Close it after use. ``left_out``: unreadable files, as text; ``files``: the readable ones."""

    def __init__(
        self,
        folder: Path,
        within: Range | None = None,
        *,
        memory_mib: int = MEMORY_MIB,
        seconds: float = SECONDS,
        aside: bool = False,
        computed: Mapping[str, Computed] = {},
    ) -> None:
        """``folder``: of the records; ``seconds``: time limit of each query; ``aside``: run at low priority on one
        core; ``computed``: returns the rows of tables that are not stored, called when a query uses one. Raises
        NoRecords.
        """
        self._computed = dict(computed)
        self._empty = {name for name, table in TABLES.items() if not table.stored}
        self.folder, self.within = folder.resolve(), within or Range()
        self.files, self.left_out = readable(self.folder, self.within)
        self._by_table: dict[str, list[File]] = {}
        for file in self.files:
            self._by_table.setdefault(file.table, []).append(file)
        paths = {name: paths_of(self.folder, TABLES[name], files) for name, files in self._by_table.items()}
        made = list(statements(paths, *map(as_sql, self.within)))
        threads = 1 if aside else max(1, min(4, os.cpu_count() or 1))
        begin = QueryStart(str(self.folder), made, memory_mib, threads, NICE if aside else 0)
        self._process = Confined(begin, seconds)

    @property
    def pid(self) -> int:
        """The id of the query process."""
        return self._process.pid

    def run(self, sql: str, values: Sequence[Any] = (), most: int = ROWS) -> Answer:
        """The result of a query, at most ``most`` rows. Raises QueryError."""
        for name in [name for name in self._empty if re.search(rf"\b{name}\b", sql, re.IGNORECASE)]:
            self._fill(name)
        return self._process.run(Request(sql, most, [*values]))

    def rows_with(self, table: Table, *values: Values) -> str:
        """SQL of the rows of a table in the files that may contain one of each of the values; all rows for None."""
        return self._source(table, self._chosen(table, *values))

    def steps(self, table: Table, *values: Values) -> Iterator[tuple[str, int]]:
        """The same in steps, the newest files first, each with the time of the last row (microseconds) in the later
        steps; -1 at the end. Rows have the hidden columns of the table.
        """
        if table not in TRAFFIC:  # few rows, some of which are computed from others
            yield table.name, -1
            return
        for files, last in newest_first(self._chosen(table, *values)):
            yield self._source(table, files, whole=True), last

    def _chosen(self, table: Table, *values: Values) -> list[File]:
        return that_may_hold(self.folder, table, self._by_table.get(table.name, []), values)

    def _source(self, table: Table, files: Sequence[File], *, whole: bool = False) -> str:
        if table not in TRAFFIC or len(files) == len(self._by_table.get(table.name, ())):
            return whole_name(table) if whole else table.name
        return f"({selected(table, paths_of(self.folder, table, files), *map(as_sql, self.within), whole=whole)})"

    def _fill(self, name: str) -> None:
        """Compute a table, once. Raises QueryError if no function here can."""
        if name not in self._computed:
            raise QueryError(
                f"the table {name} is computed from a dataset, and is not available for these records alone"
            )
        self._process.run(Request("", 0, [list(row) for row in self._computed[name]()], name))
        self._empty.discard(name)

    def close(self) -> None:
        self._process.close()


def as_sql(moment: int | None) -> str:
    """Microseconds since the epoch in SQL notation; empty for None."""
    return datetime.fromtimestamp(moment / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S.%f") if moment is not None else ""
