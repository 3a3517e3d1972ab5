"""The folder of an event log's traffic records: beside the log, so that it moves with the rest of a dataset."""

from __future__ import annotations

from pathlib import Path

from sensor.eventlog.paths import RUN_LOG

FOLDER = "records"
MANIFEST = "manifest.db"
# Locked by the writer.
LOCK = "writer.lock"


def records_folder(log: Path) -> Path:
    """``records`` beside the log of a live run; for other logs the log's name with ``.records``, since several logs may
    be in one folder.
    """
    return log.with_name(FOLDER) if log.name == RUN_LOG else log.with_suffix(f".{FOLDER}")
