"""Where the traffic records of an event log are: beside it, so that they go where the rest of a dataset goes."""

from __future__ import annotations

from pathlib import Path

from sensor.eventlog.paths import RUN_LOG

FOLDER = "records"
MANIFEST = "manifest.db"
# Held by the process that writes.
LOCK = "writer.lock"


def records_folder(log: Path) -> Path:
    """``records`` beside the log of a live run; of another log its name with ``.records``, since several may lie in one
    folder.
    """
    return log.with_name(FOLDER) if log.name == RUN_LOG else log.with_suffix(f".{FOLDER}")
