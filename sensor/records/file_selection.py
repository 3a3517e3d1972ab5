"""Selects the files that a search reads: those that may contain its values, the newest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sensor.records.contents import holds
from sensor.records.manifest import File, Manifest
from sensor.records.paths import MANIFEST
from sensor.records.schema import Table
from sensor.records.views import Paths

# Values of which each matching row has one; None: any row may match.
Values = Sequence[bytes] | None
# Rows of the files that are read first; each further step reads twice as many, so that a long search needs few queries.
FIRST_ROWS = 500_000


def paths_of(folder: Path, table: Table, files: Iterable[File]) -> Paths:
    """Files of a table as paths for queries."""
    today, others = list[str](), list[str]()
    for file in files:
        (today if file.shape == table.shape else others).append(str(folder / file.name))
    return Paths(today, others)


def that_may_hold(folder: Path, table: Table, files: Sequence[File], values: Iterable[Values]) -> list[File]:
    """The files of a table that may contain one of each of these values. Files of earlier versions have no filter and
    may contain any.
    """
    wanted = [some for some in values if some is not None]
    if not wanted:
        return list(files)
    manifest = Manifest(folder / MANIFEST)
    try:
        filters = manifest.filters(table.name)
        without = {name for name, filter_ in filters if not all(holds(filter_, some) for some in wanted)}
    finally:
        manifest.close()
    return [file for file in files if file.name not in without]


def newest_first(files: Iterable[File]) -> Iterator[tuple[list[File], int]]:
    """Files in steps, each with the time of the last row (microseconds) in the later steps; -1 at the end."""
    left, most = sorted(files, key=lambda file: file.last), FIRST_ROWS
    while left:
        step = [left.pop()]
        rows = step[0].rows
        while left and rows + left[-1].rows <= most:
            step.append(left.pop())
            rows += step[-1].rows
        most *= 2
        yield step, left[-1].last if left else -1
