"""Replays side by side: each has a separate dataset, and a repeated replay of the same capture replaces the previous
one.

The previous one is moved aside until the new one is complete, and restored if the replay fails. The card of an
interrupted replay is marked as incomplete.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from sensor.datasets.card import REPLAY, Card, completed, outside, write_card
from sensor.datasets.choose import chosen_in, replays_in
from sensor.datasets.dataset import Dataset, dataset_in
from sensor.datasets.live import is_written
from sensor.datasets.names import STANDARD_INPUT, checked, name_of
from sensor.datasets.private import make_folder
from sensor.eventlog.paths import DATASETS, RUN_LOG

_ASIDE = ".former."


class CannotCreate(Exception):
    """The dataset cannot be created; the message has the reason and the fix."""


class NewReplay:
    """The dataset of a replay that is about to begin: ``keep`` it at the end, or ``abandon`` it. ``replaced``: whether
    it replaces a previous one.
    """

    def __init__(self, folder: Path, captures: Sequence[str], evidence: Path | None = None) -> None:
        """``evidence``: folder of the packets of alerts. Raises OSError if it cannot be created."""
        self.folder, self.name, self.log = folder, folder.name, folder / RUN_LOG
        self._card = Card(REPLAY, folder.name, list(captures), evidence=outside(folder, evidence), complete=False)
        self._aside = folder.with_name(f"{_ASIDE}{folder.name}")
        self.replaced = folder.exists()
        if self.replaced:
            shutil.rmtree(self._aside, ignore_errors=True)
            folder.rename(self._aside)
        try:
            state = folder.parent.parent
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
            make_folder(folder, state)
            write_card(folder, self._card)
        except OSError:
            self.abandon()
            raise

    def keep(self, first: str, last: str, *, whole: bool = True) -> None:
        """Keep the dataset of a finished replay; times of its first and last packet (RFC 3339; empty if there was
        none), and whether it read the whole capture.
        """
        write_card(self.folder, completed(self._card, first, last, whole=whole))
        shutil.rmtree(self._aside, ignore_errors=True)

    def abandon(self) -> None:
        """Delete the dataset and restore the previous one."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.replaced and self._aside.exists():
            self._aside.rename(self.folder)


def new_replay(state: Path, captures: Sequence[str], name: str = "", evidence: Path | None = None) -> NewReplay:
    """Create the dataset for some captures, with a name from the operator or derived from the captures. Raises BadName,
    CannotCreate, OSError.
    """
    folder = state / DATASETS / (checked(name) if name else _free(state, captures))
    if folder.exists():
        former = dataset_in(folder)
        if not _same(former, captures):
            raise CannotCreate(
                f"the dataset {name!r} is of {_description(former)}: choose another name, or remove it with "
                f"`sensor data remove {name}`"
            )
        if is_written(folder):
            raise CannotCreate(
                f"another replay writes the dataset {folder.name!r} now: wait for its end, or choose another "
                "name with --name"
            )
    return NewReplay(folder, captures, evidence)


def _free(state: Path, captures: Sequence[str]) -> str:
    """The name that the captures already have, else the first free one."""
    own, stem, number = dataset_in(state), name_of(captures), 1
    while True:
        name = stem if number == 1 else f"{stem}-{number}"
        folder = state / DATASETS / name
        if name != own.name and (not folder.exists() or _same(dataset_in(folder), captures)):
            return name
        number += 1


def _same(former: Dataset, captures: Sequence[str]) -> bool:
    """Whether the captures are the same. Data from a pipe is never the same."""
    return former.card.captures == list(captures) and STANDARD_INPUT not in captures


def _description(former: Dataset) -> str:
    return ", ".join(former.card.captures) or "something else"


def prune(state: Path, kept: int, newest: str = "") -> list[str]:
    """Remove all replays but the newest ``kept``; never the one named ``newest``, one that is being written, or the one
    chosen by `sensor data use`. Returns the names of removed ones.
    """
    spared = {newest, chosen_in(state)}
    surplus = [one for one in replays_in(state)[kept:] if one.name not in spared and not is_written(one.folder)]
    for one in surplus:
        shutil.rmtree(one.folder)
    return [one.name for one in surplus]
