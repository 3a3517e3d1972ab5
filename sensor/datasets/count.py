"""The size of a dataset: devices, alerts, bytes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sensor.datasets.dataset import PACKETS, Dataset
from sensor.eventlog.fold import Fold
from sensor.eventlog.log_lines import parts
from sensor.eventlog.reader import Reader
from sensor.records.paths import records_folder


class Counts(NamedTuple):
    """``devices`` and ``alerts``: None if the file that has them is missing; ``size``: bytes on disk."""

    devices: int | None
    alerts: int | None
    size: int


def counts_of(dataset: Dataset, alerts: int | None = None) -> Counts:
    """``alerts``: their number in the tables of the dataset; without it, or without devices in the inventory, the
    whole log is read. Raises OSError or StoreError if the dataset cannot be read.
    """
    devices: int | None = _devices(dataset)
    fold = _fold(dataset.log) if dataset.has_log and (alerts is None or not devices) else None
    if fold is not None:
        devices, alerts = devices or len(fold.devices), len(fold.alerts)
    elif dataset.inventory is None:
        devices = None
    return Counts(devices, alerts, size_of(dataset))


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


def size_of(dataset: Dataset) -> int:
    """Bytes of the dataset's own files, traffic records included. A state folder also has other files."""
    files = {part.path for part in parts(dataset.log)} | set(dataset.folder.glob("inventory.db*"))
    if dataset.evidence.is_dir():
        files |= {path for path in dataset.evidence.glob(PACKETS) if path.is_file()}
    files |= {path for path in records_folder(dataset.log).rglob("*") if path.is_file()}
    return sum(path.stat().st_size for path in files if path.exists())
