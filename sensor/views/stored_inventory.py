"""The devices of an inventory folder, without a dataset: the tables of alerts are not needed."""

from __future__ import annotations

from pathlib import Path

from sensor.eventlog.fold import Fold
from sensor.inventory.store.reader import Reader


def inventory_of(folder: Path) -> tuple[Reader, Fold]:
    """The inventory of a folder, open until its reader is closed, and its devices. Raises StoreError if it cannot be
    read.
    """
    reader, fold = Reader(folder), Fold()
    try:
        fold.devices = {record["device"]["id"]: record for record in reader.records()}
        fold.merged = reader.merged()
    except BaseException:
        reader.close()
        raise
    return reader, fold
