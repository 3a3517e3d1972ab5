"""The devices of an inventory folder, without a dataset: the tables of alerts are not needed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sensor.eventlog.fold import Fold, Record
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


def devices_of(folder: Path) -> Iterator[Record]:
    """The device in each record of an inventory, one at a time. Raises StoreError if it cannot be read."""
    with contextlib.closing(Reader(folder)) as reader:
        for record in reader.records():
            yield record["device"]
