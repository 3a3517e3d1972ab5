"""The event log of a dataset, folded to the state at its end."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._codes import NOT_OPENED, Exit
from sensor.cli._data import need_log
from sensor.cli._setup import complain

if TYPE_CHECKING:
    from sensor.eventlog.fold import Fold
    from sensor.views.log_state import Take


def fold_of(args: argparse.Namespace, what: str, take: Take | None = None) -> Fold:
    """The state at the end of the dataset's event log. Raises Exit if there is none: ``what`` is then unknown."""
    return folded(need_log(args, what), take)


def folded(path: Path, take: Take | None = None) -> Fold:
    """The state at the end of a log, with alerts closed by the operator since. ``take`` receives every record, and
    selects those to process. Raises Exit if it cannot be read.
    """
    from sensor.views.log_state import log_state

    try:
        state = log_state(path, take)
    except PermissionError:
        raise
    except OSError as error:
        raise Exit(NOT_OPENED, f"cannot read {path}: {error.strerror}", error="file.not-read") from None
    left_out(path, state.broken, state.damage, state.missing)
    return state.fold


def left_out(path: Path, broken: int, damage: str, missing: int) -> None:
    """Report unreadable parts of a log. ``damage``: position of the first."""
    if broken:
        complain(f"{path}: skipped {broken:,} invalid lines, the first at {damage}", error="log.damaged")
    if missing:
        complain(f"{path}: {missing:,} events were removed before reading", error="log.records-removed")
