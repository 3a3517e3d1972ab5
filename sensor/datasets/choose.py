"""Which dataset a command reads: one rule for all of them.

The one that is named; else the one that ``sensor data use`` chose; else that of the live sensor, when one is running or
installed; else the newest. A dataset that holds nothing is taken only by its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sensor.datasets.dataset import Dataset, dataset_in
from sensor.datasets.live import is_live
from sensor.eventlog.paths import DATASETS

CHOSEN = ".chosen"


class NoDataset(Exception):
    """Nothing can be read; the text has the reason and what to do."""


class UnknownDataset(Exception):
    """No dataset has the name that was given. ``known``: the names there are."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name)
        self.name, self.known = name, list(known)


def replays_in(state: Path) -> list[Dataset]:
    """The replays of a state folder, the newest first."""
    folder = state / DATASETS
    found = (
        [dataset_in(path) for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        if folder.is_dir()
        else []
    )
    return sorted(found, key=lambda one: (one.written, one.name), reverse=True)


def datasets_in(state: Path) -> list[Dataset]:
    """All datasets of a state folder: first the one that is in the folder itself, then the replays,
    the newest first.
    """
    own = dataset_in(state)
    found = [own] if own.inventory is not None or own.has_log else []
    try:
        return [*found, *replays_in(state)]
    except PermissionError:
        if not found or own.empty:  # else who may read the sensor's data and no replay reads that
            raise
        return found


def choose(state: Path, name: str = "") -> Dataset:
    """By the rule. UnknownDataset, NoDataset."""
    found = datasets_in(state)
    if name:
        return named_in(found, name)
    used = chosen_in(state)
    holding = [one for one in found if not one.empty]
    for one in holding:
        if one.name == used:
            return one
    for one in holding:
        if one.folder == state and is_live(one, state):
            return one
    if not holding:
        raise NoDataset(_nothing(state, found))
    return holding[0] if len(holding) == 1 else max(holding, key=lambda one: (one.has_findings, one.written))


def named_in(found: Sequence[Dataset], name: str) -> Dataset:
    """UnknownDataset."""
    for one in found:
        if one.name == name:
            return one
    raise UnknownDataset(name, [one.name for one in found])


def chosen_in(state: Path) -> str:
    """What ``sensor data use`` chose; empty when it chose nothing."""
    try:
        return (state / DATASETS / CHOSEN).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _nothing(state: Path, found: Sequence[Dataset]) -> str:
    todo = "`sensor replay FILE` reads a capture, `sensor run` listens on an interface"
    if found:
        return (
            f"no data in {state}: {', '.join(one.name for one in found)} "
            f"hold{'s' if len(found) == 1 else ''} no device and no record yet; {todo}"
        )
    return f"no data in {state}: {todo}"
