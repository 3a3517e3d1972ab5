"""The log that a reading command reads: which one it is, and how things stand at its end."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._notes import close_noted
from sensor.cli._setup import complain
from sensor.cli._show import Record

if TYPE_CHECKING:
    from sensor.eventlog.fold import Fold
    from sensor.eventlog.reader import Reader

Take = Callable[[Record], bool]


def add_events_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", metavar="FILE", type=Path, help="event log to read (default: the one in the state folder that was written last)")


def log_of(path: Path | None) -> Path | None:
    """The log to read: the one named, else the newest, which is then named on standard error. None after it was said that there is none."""
    if path is not None:
        return Path("/dev/stdin") if str(path) == "-" else path
    from sensor.eventlog.paths import folder_to_read, newest_log

    found = newest_log(folder_to_read())
    if found is None:
        complain(f"no event log in {folder_to_read()}: run `sensor replay` or `sensor run` first, or name one with --events")
    else:
        complain(f"reading {found}")
    return found


def folded(path: Path | None, take: Take | None = None) -> Fold | None:
    """How things stand at the end of a log, with what the operator closed since. None after it was said why it cannot be read. ``take`` hears every record,
    and says which of them count.
    """
    path = log_of(path)
    if path is None:
        return None
    from sensor.eventlog.fold import Fold
    from sensor.eventlog.reader import Reader

    fold, reader = Fold(), Reader(path)
    try:
        for record in reader:
            if take is None or take(record):
                fold.add(record)
        close_noted(fold, path)
    except OSError as error:
        complain(f"cannot read {path}: {error.strerror}")
        return None
    left_out(path, reader)
    return fold


def left_out(path: Path, reader: Reader) -> None:
    """Say what of a log could not be read, and where the first of it is."""
    if reader.broken:
        complain(f"{path}: left out what is no record: {reader.broken:,} lines, the first at {reader.damages[0]}")
    if reader.missing:
        complain(f"{path}: removed before they were read: {reader.missing:,} records")
