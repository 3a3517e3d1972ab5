"""Migration of state folders of earlier versions, in which a replay was beside the live sensor's data, as replay.jsonl,
and overwrote the previous replay.

It becomes a separate dataset. If the folder has an inventory and no log of a live run, both belong to that replay and
stay where they are. A copy of moved files is kept in ``backup-before-datasets``; if that cannot be created, nothing is
moved, and readers find everything at its old place.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from pathlib import Path

from sensor.datasets.begin import free_folder, move_log
from sensor.datasets.card import FILE, REPLAY, Card, write_card
from sensor.datasets.private import make_folder, private
from sensor.datasets.span import Span, span_of_log
from sensor.eventlog.log_lines import parts
from sensor.eventlog.paths import DATASETS, INVENTORY, REPLAY_LOG, RUN_LOG, muted_log, notes_log
from sensor.eventlog.segments import folder_of

BACKUP = "backup-before-datasets"
NAME = "replay"


def migrate(state: Path) -> str:
    """Migrate the data of an earlier version, once. Returns a message for users; empty if there was nothing to do, or
    it cannot be done here.
    """
    log = state / REPLAY_LOG
    if not log.is_file() or not os.access(state, os.W_OK | os.X_OK) or _is_written(log):
        return ""
    try:
        with private(state):
            _back_up(state, log)
            span = span_of_log(log) or Span("", "")
            return _stay(state, log, span) if _is_of_replay(state) else _move(state, log, span)
    except OSError as error:
        return f"{log} was not moved: {error.strerror}"


def _is_written(log: Path) -> bool:
    """Whether a replay of an earlier version is running."""
    with log.open("rb") as file, contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    return True


def _is_of_replay(state: Path) -> bool:
    """Whether the inventory of the folder belongs to the replay: no live sensor ever ran here."""
    log = state / RUN_LOG
    return (
        (state / INVENTORY).is_file() and not parts(log) and not folder_of(log).is_dir() and not (state / FILE).exists()
    )


def _back_up(state: Path, log: Path) -> None:
    """Copy the files. Raises OSError if there is no room for them."""
    backup = state / BACKUP
    if not backup.is_dir():
        make_folder(backup, state)
    for path in _files(log):
        shutil.copy2(path, backup / path.name)


def _files(log: Path) -> list[Path]:
    return [path for path in (log, muted_log(log), notes_log(log)) if path.is_file()]


def _stay(state: Path, log: Path, span: Span) -> str:
    """Rename the log to the standard name; inventory and log stay together."""
    move_log(log, state / RUN_LOG)
    write_card(state, Card(REPLAY, NAME, first=span.first, last=span.last))
    return (
        f"{state}: the replay of an earlier version is the dataset {NAME!r} now; a copy of its log is "
        f"in {state / BACKUP}"
    )


def _move(state: Path, log: Path, span: Span) -> str:
    folder = free_folder(state / DATASETS, NAME)
    make_folder(folder, state)
    move_log(log, folder / RUN_LOG)
    write_card(folder, Card(REPLAY, folder.name, first=span.first, last=span.last))
    return (
        f"{state}: the replay of an earlier version is the dataset {folder.name!r} now; a copy of its "
        f"log is in {state / BACKUP}"
    )
