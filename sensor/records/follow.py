"""Records as they are written: the rows of each new file of the writer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sensor.records.derived import completed
from sensor.records.manifest import File, Manifest, ManifestError
from sensor.records.paths import MANIFEST
from sensor.records.query_process import plain
from sensor.records.schema import TABLES

Row = dict[str, Any]


class Follower:
    """``tables``: names. Files that exist at the start are skipped. So are compacted files: their rows were in earlier
    files, which are kept for at least a minute; call ``rows`` more often than that.
    """

    def __init__(self, folder: Path, tables: Sequence[str]) -> None:
        self._folder, self._tables = folder, tables
        self._seen = {file.name for file in self._files()}

    def rows(self) -> Iterator[Row]:
        """The rows added since the last call, each with its ``table``; file by file, in order of time."""
        there = self._files()
        fresh = [file for file in there if file.name not in self._seen and not file.compact]
        self._seen = {file.name for file in there}
        for file in fresh:
            yield from self._of(file)

    def _files(self) -> list[File]:
        """The files of these tables; none if there is no manifest yet."""
        try:
            manifest = Manifest(self._folder / MANIFEST)
        except ManifestError:
            return []
        try:
            return [file for name in self._tables for file in manifest.files(name)]
        finally:
            manifest.close()

    def _of(self, file: File) -> Iterator[Row]:
        """The rows of one file; none if it is gone or damaged, which a search reports."""
        try:
            rows = pq.read_table(self._folder / file.name, partitioning=None)
        except (OSError, pa.ArrowException):
            return
        rows = completed(TABLES[file.table], rows)
        for row in rows.take(pc.sort_indices(rows["ts"])).to_pylist():
            yield {"table": file.table} | {name: plain(value) for name, value in row.items()}
