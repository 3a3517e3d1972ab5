"""Which dataset a command reads: one rule for all commands.

The one that is named; else the one chosen by ``sensor data use``; else that of the live sensor, if one is running or
installed; else the newest. An empty dataset is only used if it is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sensor.datasets.dataset import Dataset, dataset_in
from sensor.datasets.live import is_live
from sensor.eventlog.paths import DATASETS

CHOSEN = ".chosen"


class NoDataset(Exception):
    """No dataset can be read; the message has the reason and the fix."""


class UnknownDataset(Exception):
    """No dataset has the given name. ``known``: the existing names."""

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
    """All datasets of a state folder: first the one in the folder itself, then the replays, the newest first."""
    own = dataset_in(state)
    found = [own] if own.inventory is not None or own.has_log else []
    try:
        return [*found, *replays_in(state)]
    except PermissionError:
        if not found or own.empty:  # otherwise users who may read the sensor's data and have no replays read that
            raise
        return found


def choose(state: Path, name: str = "") -> Dataset:
    """The dataset according to the rule. Raises UnknownDataset, NoDataset."""
    return chosen(datasets_in(state), state, name)


def chosen(found: Sequence[Dataset], state: Path, name: str = "") -> Dataset:
    """The one of the datasets of a state folder, in the order of ``datasets_in``. Raises UnknownDataset, NoDataset."""
    if name:
        return named_in(found, name)
    used = chosen_in(state)
    holding = [one for one in found if not one.empty]
    if len(holding) == 1:
        return holding[0]
    for one in holding:
        if one.name == used:
            return one
    for one in holding:
        if one.folder == state and is_live(one, state):
            return one
    if not holding:
        raise NoDataset(_nothing(state, found))
    return max(holding, key=lambda one: (one.has_findings, one.written))


def named_in(found: Sequence[Dataset], name: str) -> Dataset:
    """The dataset with a name. Raises UnknownDataset."""
    for one in found:
        if one.name == name:
            return one
    raise UnknownDataset(name, [one.name for one in found])


def chosen_in(state: Path) -> str:
    """The name chosen by ``sensor data use``; empty if there is none."""
    try:
        return (state / DATASETS / CHOSEN).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _nothing(state: Path, found: Sequence[Dataset]) -> str:
    todo = "`sensor replay FILE` reads a capture, `sensor run` captures on an interface"
    if found:
        return (
            f"no data in {state}: {', '.join(one.name for one in found)} "
            f"hold{'s' if len(found) == 1 else ''} no device and no record yet; {todo}"
        )
    what = "" if state.is_dir() else ", which is not a folder" if state.exists() else ", which does not exist"
    return f"no data in {state}{what}: {todo}"
