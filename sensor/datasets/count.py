"""The size of a dataset: devices, alerts, bytes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sensor.datasets.dataset import PACKETS, Dataset
from sensor.eventlog.fold import Fold
from sensor.eventlog.log_lines import parts
from sensor.eventlog.reader import Reader


class Counts(NamedTuple):
    """``devices`` and ``alerts``: None if the file that has them is missing; ``size``: bytes on disk."""

    devices: int | None
    alerts: int | None
    size: int


def counts_of(dataset: Dataset) -> Counts:
    """Count by reading the whole dataset. Raises OSError or StoreError if it cannot be read."""
    fold = _fold(dataset.log) if dataset.has_log else None
    devices = _devices(dataset) or (len(fold.devices) if fold is not None else None)
    if devices is None and dataset.inventory is not None:
        devices = 0
    return Counts(devices, len(fold.alerts) if fold is not None else None, _size(dataset))


def _fold(log: Path) -> Fold:
    fold = Fold()
    for record in Reader(log):
        fold.add(record)
    return fold


def _devices(dataset: Dataset) -> int:
    """Number of devices in the inventory; 0 if there is none, or it is empty."""
    if dataset.inventory is None:
        return 0
    from sensor.datasets.peek import device_count

    return device_count(dataset.inventory)


def _size(dataset: Dataset) -> int:
    """Size of the dataset's own files. A state folder also has other files."""
    files = {part.path for part in parts(dataset.log)} | set(dataset.folder.glob("inventory.db*"))
    if dataset.evidence.is_dir():
        files |= {path for path in dataset.evidence.glob(PACKETS) if path.is_file()}
    return sum(path.stat().st_size for path in files if path.exists())
