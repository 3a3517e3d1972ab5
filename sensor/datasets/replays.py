"""Replays side by side: each has a dataset of its own, and a repeated replay of the same capture replaces the former
one.

The former one is put aside until the new one is complete, and restored if the replay fails. A replay that was
interrupted leaves a dataset whose card is marked so.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from sensor.datasets.card import REPLAY, Card, completed, write_card
from sensor.datasets.choose import chosen_in, replays_in
from sensor.datasets.dataset import Dataset, dataset_in
from sensor.datasets.live import is_written
from sensor.datasets.names import STANDARD_INPUT, checked, name_of
from sensor.datasets.private import make_folder
from sensor.eventlog.paths import DATASETS, RUN_LOG

_ASIDE = ".former."


class Taken(Exception):
    """The dataset cannot be made; the text has the reason and what to do."""


class NewReplay:
    """The dataset of a replay that is about to begin: ``keep`` it at the end, or ``abandon`` it. ``replaced``: whether
    it takes the place of a former one.
    """

    def __init__(self, folder: Path, captures: Sequence[str]) -> None:
        """OSError when it cannot be made."""
        self.folder, self.name, self.log = folder, folder.name, folder / RUN_LOG
        self._card = Card(REPLAY, folder.name, list(captures), complete=False)
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

    def keep(self, first: str, last: str) -> None:
        """The replay is over: from when to when it reached (RFC 3339; empty when it had no packet)."""
        write_card(self.folder, completed(self._card, first, last))
        shutil.rmtree(self._aside, ignore_errors=True)

    def abandon(self) -> None:
        """Leave nothing behind; what was there before is there again."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.replaced and self._aside.exists():
            self._aside.rename(self.folder)


def new_replay(state: Path, captures: Sequence[str], name: str = "") -> NewReplay:
    """Begin the dataset of some captures, under a name that an operator chose or that they give.
    BadName, Taken, OSError.
    """
    folder = state / DATASETS / (checked(name) if name else _free(state, captures))
    if folder.exists():
        former = dataset_in(folder)
        if not _same(former, captures):
            raise Taken(
                f"the dataset {name!r} is of {_description(former)}: choose another name, or remove it with "
                f"`sensor data remove {name}`"
            )
        if is_written(folder):
            raise Taken(
                f"another replay writes the dataset {folder.name!r} now: wait for its end, or choose another "
                "name with --name"
            )
    return NewReplay(folder, captures)


def _free(state: Path, captures: Sequence[str]) -> str:
    """The name that the captures have already, else the first that is free."""
    own, stem, number = dataset_in(state), name_of(captures), 1
    while True:
        name = stem if number == 1 else f"{stem}-{number}"
        folder = state / DATASETS / name
        if name != own.name and (not folder.exists() or _same(dataset_in(folder), captures)):
            return name
        number += 1


def _same(former: Dataset, captures: Sequence[str]) -> bool:
    """Whether the same was read. What came from a pipe is never the same."""
    return former.card.captures == list(captures) and STANDARD_INPUT not in captures


def _description(former: Dataset) -> str:
    return ", ".join(former.card.captures) or "something else"


def prune(state: Path, kept: int, newest: str = "") -> list[str]:
    """Remove all replays but the newest so many; never the one of a name, one that is being written, or the one that
    `sensor data use` chose. Names of those that are gone.
    """
    spared = {newest, chosen_in(state)}
    surplus = [one for one in replays_in(state)[kept:] if one.name not in spared and not is_written(one.folder)]
    for one in surplus:
        shutil.rmtree(one.folder)
    return [one.name for one in surplus]
