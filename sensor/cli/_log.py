"""The event log of a dataset: how things stand at its end."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._codes import NOT_OPENED, Stop
from sensor.cli._data import need_log
from sensor.cli._notes import close_noted
from sensor.cli._setup import complain
from sensor.cli._show import Record

if TYPE_CHECKING:
    from sensor.eventlog.fold import Fold
    from sensor.eventlog.reader import Reader

Take = Callable[[Record], bool]


def fold_of(args: argparse.Namespace, what: str, take: Take | None = None) -> Fold:
    """How things stand at the end of the event log of the dataset. Stop when there is none: ``what`` is unknown then."""
    return folded(need_log(args, what), take)


def folded(path: Path, take: Take | None = None) -> Fold:
    """How things stand at the end of a log, with what the operator closed since. ``take`` hears every record, and says which of them count. Stop when it
    cannot be read.
    """
    from sensor.eventlog.fold import Fold
    from sensor.eventlog.reader import Reader

    fold, reader = Fold(), Reader(path)
    try:
        for record in reader:
            if take is None or take(record):
                fold.add(record)
        close_noted(fold, path)
    except PermissionError:
        raise
    except OSError as error:
        raise Stop(NOT_OPENED, f"cannot read {path}: {error.strerror}", error="file.not-read") from None
    left_out(path, reader)
    return fold


def left_out(path: Path, reader: Reader) -> None:
    """Say what of a log could not be read, and where the first of it is."""
    if reader.broken:
        complain(
            f"{path}: skipped {reader.broken:,} invalid lines, the first at {reader.damages[0]}", error="log.damaged"
        )
    if reader.missing:
        complain(f"{path}: {reader.missing:,} events were removed before they were read", error="log.records-removed")
