"""Records of a capture, written as by a run, and their rows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sensor.capture.files import SMALL_BLOCK, Pool, open_captures
from sensor.config import Config
from sensor.eventlog.writer import EventLog
from sensor.records.manifest import Manifest
from sensor.records.paths import MANIFEST
from sensor.runtime.daemon import Run
from tests.offices import PCAPS, made_once


def replayed(folder: Path, *captures: Path, batch: int = 0, config: Config | None = None) -> Run:
    """A replay of captures with its records in a folder. ``batch``: rows of each batch."""
    source = open_captures([str(path) for path in captures])
    if batch:
        source._pool = source._small = source._tiny = Pool(SMALL_BLOCK, batch)
    log = EventLog(Path(os.devnull))
    run = Run(config or Config(), source, log, records=folder)
    try:
        run.run()
    finally:
        source.close()
        log.close()
    return run


def office_records(factory: pytest.TempPathFactory) -> Path:
    """The records of the office capture, written once in a run. Read-only."""
    return made_once(factory, "office-records", lambda folder: replayed(folder, PCAPS / "office.pcapng"))


def table(folder: Path, name: str) -> pa.Table:
    """All rows of a table in the manifest."""
    manifest = Manifest(folder / MANIFEST)
    files = manifest.files(name)
    manifest.close()
    return (
        pa.concat_tables([pq.read_table(folder / file.name, partitioning=None) for file in files])
        if files
        else pa.table({})
    )


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    """The same as dictionaries, in order of time."""
    found: list[dict[str, Any]] = table(folder, name).to_pylist()
    return sorted(found, key=lambda row: (row["ts"], str(row)))
