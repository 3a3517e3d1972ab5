"""Prepares the folder of a run: determines whose data is there, and moves the data of another source aside."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from sensor.datasets.card import LIVE, REPLAY, Card, outside, read_card, write_card
from sensor.datasets.dataset import dataset_in
from sensor.datasets.names import name_of
from sensor.datasets.private import make_folder
from sensor.eventlog.log_lines import parts
from sensor.eventlog.paths import DATASETS, RUN_LOG, muted_log, notes_log
from sensor.eventlog.segments import folder_of

NO_FILE = "-"
"""Value of a card's ``log`` if the run writes to a stream: nothing can be read later."""


def holds_live(folder: Path) -> bool:
    """Whether the data in a folder is that of a live sensor, whose log no replay may overwrite."""
    card, log = read_card(folder), folder / RUN_LOG
    return card.kind == LIVE if card is not None else bool(parts(log)) or folder_of(log).is_dir()


def set_aside(folder: Path) -> str:
    """Make the log of a replay in a folder a separate dataset, before a live sensor begins its log there. Returns a
    message for users; empty if nothing was done. Raises OSError.
    """
    card = read_card(folder)
    if card is None or card.kind != REPLAY:
        return ""
    log = dataset_in(folder).log
    if log.parent != folder or not parts(log):  # a log in another folder stays there
        return ""
    target = free_folder(folder / DATASETS, card.name or REPLAY)
    make_folder(target, folder)
    write_card(target, card)
    move_log(log, target / RUN_LOG)
    return f"the log of the replay {card.name!r} is the dataset {target.name!r} now: sensor alerts --data {target.name}"


def begin_live(state: Path, log: Path | None, evidence: Path | None) -> None:
    """Record that a live sensor keeps its state in a folder, and where its log is: None for a stream, which cannot be
    read later. Raises OSError.
    """
    elsewhere = NO_FILE if log is None else "" if log == state / RUN_LOG else str(log.absolute())
    write_card(state, Card(LIVE, log=elsewhere, evidence=str(evidence.absolute()) if evidence is not None else ""))


def begin_replay(folder: Path, captures: Sequence[str], name: str, log: Path, evidence: Path | None) -> Card:
    """Begin a replay in a folder that was named with --state. Returns its card, to be completed at the end. Raises
    OSError.
    """
    elsewhere, packets = "" if log == folder / RUN_LOG else str(log.absolute()), outside(folder, evidence)
    card = Card(REPLAY, name or name_of(captures), list(captures), log=elsewhere, evidence=packets, complete=False)
    write_card(folder, card)
    return card


def move_log(log: Path, target: Path) -> None:
    """Move a log with its companion files; the log itself last, so that an interrupted move is repeated. Raises
    OSError.
    """
    for former, new in ((muted_log(log), muted_log(target)), (notes_log(log), notes_log(target)), (log, target)):
        with contextlib.suppress(FileNotFoundError):
            former.rename(new)


def free_folder(folder: Path, name: str) -> Path:
    """A new folder path with that name, or if it exists, with the first free number."""
    number, found = 1, folder / name
    while found.exists():
        number += 1
        found = folder / f"{name}-{number}"
    return found
