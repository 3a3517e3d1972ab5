"""Queries over the records of a folder: which files are read, and the process that reads them."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from sensor.records.query_process import Answer, Begin, Request
from sensor.records.readable import NoRecords, Range, readable
from sensor.records.schema import TABLES
from sensor.records.views import statements

MEMORY_MIB, SECONDS, ROWS, NICE = 512, 60.0, 10_000, 10
__all__ = ["NoRecords", "Query", "QueryError", "Range"]
_ENCODER, _DECODER = msgspec.json.Encoder(), msgspec.json.Decoder(Answer)


class QueryError(Exception):
    """The query is invalid, or exceeded its limits; the text names which."""


class Query:
    """Close it after use. ``left_out``: files that cannot be read, as text; ``files``: those that can."""

    def __init__(
        self,
        folder: Path,
        within: Range | None = None,
        *,
        memory_mib: int = MEMORY_MIB,
        seconds: float = SECONDS,
        aside: bool = False,
        computed: Mapping[str, Callable[[], Sequence[Sequence[Any]]]] = {},
    ) -> None:
        """``folder``: of the records; ``seconds``: for each query; ``aside``: others go first, on one core;
        ``computed``: the rows of tables that are not stored, asked for when a query names one. NoRecords.
        """
        self._computed = dict(computed)
        self._empty = {name for name, table in TABLES.items() if not table.stored}
        self.folder, self.within, self._seconds, self._memory = folder.resolve(), within or Range(), seconds, memory_mib
        self.files, self.left_out = readable(self.folder, self.within)
        by_table: dict[str, list[str]] = {}
        for file in self.files:
            by_table.setdefault(file.table, []).append(str(self.folder / file.name))
        made = list(statements(by_table, *(as_sql(one) for one in self.within)))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sensor.records.query_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._in, self._out = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        threads = 1 if aside else max(1, min(4, os.cpu_count() or 1))
        self._send(Begin(str(self.folder), made, memory_mib, threads, NICE if aside else 0))

    def ask(self, sql: str, values: Sequence[Any] = (), most: int = ROWS) -> Answer:
        """What a query gives, ``most`` rows of it. QueryError."""
        for name in [name for name in self._empty if re.search(rf"\b{name}\b", sql, re.IGNORECASE)]:
            self._fill(name)
        self._send(Request(sql, most, [*values]))
        answer = _DECODER.decode(self._line())
        if answer.error:
            raise QueryError(answer.error)
        return answer

    def _fill(self, name: str) -> None:
        """Compute a table, once. QueryError where nothing here can."""
        if name not in self._computed:
            raise QueryError(
                f"the table {name} is computed from a dataset, and is not available for these records alone"
            )
        self._send(Request("", 0, [list(row) for row in self._computed[name]()], name))
        if error := _DECODER.decode(self._line()).error:
            raise QueryError(error)
        self._empty.discard(name)

    def _send(self, what: msgspec.Struct) -> None:
        try:
            self._in.write(_ENCODER.encode(what) + b"\n")
            self._in.flush()
        except BrokenPipeError:
            raise QueryError(f"the process of the query ended with exit code {self._process.wait()}") from None

    def _line(self) -> bytes:
        """One answer, in time."""
        out, parts, until = self._out, list[bytes](), time.monotonic() + self._seconds
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            while not (parts and parts[-1].endswith(b"\n")):
                if not selector.select(max(0.0, until - time.monotonic())):
                    self.close()
                    raise QueryError(
                        f"the query took longer than {self._seconds:g} s: narrow it with --since, or by fewer "
                        "tables and columns"
                    )
                part = os.read(out.fileno(), 1 << 20)
                if not part:
                    code = self._process.wait()
                    raise QueryError(
                        f"the query needed more than {self._memory} MiB, or its process was ended (exit code "
                        f"{code}): narrow it with --since"
                    )
                parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def as_sql(moment: int | None) -> str:
    """Microseconds since the epoch as SQL writes a time; empty for None."""
    return datetime.fromtimestamp(moment / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S.%f") if moment is not None else ""
