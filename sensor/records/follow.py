"""Records as they come: the rows of each file that the writer adds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sensor.records.manifest import File, Manifest, ManifestError
from sensor.records.paths import MANIFEST
from sensor.records.query_process import plain

Row = dict[str, Any]


class Follower:
    """``tables``: names. Files that are there when it begins are passed over. Those that others were put together in
    are, too: their rows were in files before, which stay for a minute at least; it is asked more often.
    """

    def __init__(self, folder: Path, tables: Sequence[str]) -> None:
        self._folder, self._tables = folder, tables
        self._seen = {file.name for file in self._files()}

    def rows(self) -> Iterator[Row]:
        """What was added since it was asked last, each row with its ``table``; file by file, in the order of time."""
        there = self._files()
        fresh = [file for file in there if file.name not in self._seen and not file.compact]
        self._seen = {file.name for file in there}
        for file in fresh:
            yield from self._of(file)

    def _files(self) -> list[File]:
        """Of these tables; none where there is no manifest yet."""
        try:
            manifest = Manifest(self._folder / MANIFEST)
        except ManifestError:
            return []
        try:
            return [file for name in self._tables for file in manifest.files(name)]
        finally:
            manifest.close()

    def _of(self, file: File) -> Iterator[Row]:
        """The rows of one file; none where it is gone or damaged, which a search names."""
        try:
            rows = pq.read_table(self._folder / file.name, partitioning=None)
        except (OSError, pa.ArrowException):
            return
        for row in rows.take(pc.sort_indices(rows["ts"])).to_pylist():
            yield {"table": file.table} | {name: plain(value) for name, value in row.items()}
