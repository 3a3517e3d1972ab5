"""Purges of devices: ordered like other operator changes of an inventory, and executed at once if no sensor runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sensor.inventory.corrections import OrderResult
from sensor.inventory.journal import Entries
from sensor.inventory.store.database import Lock, StoreInUse
from sensor.inventory.store.operator_changes import OperatorChanges
from sensor.inventory.store.store import Store
from sensor.tables.position import clear
from sensor.tables.tables import transaction


def purge(folder: Path, devices: Sequence[tuple[str, str]], author: str, reason: str, now: int) -> bool:
    """``devices``: key and id of each; ``now``: ns. Returns whether a running sensor will execute the order. Raises
    StoreError or OSError if it cannot be written.
    """
    changes = OperatorChanges(folder, author, now)
    try:
        changes.purge(devices, reason)
    finally:
        changes.close()
    if _runs(folder):
        return True
    store = Store(folder)
    try:
        ordered = [order for order in store.orders() if order.action == "purge"]
        store.write(Entries(outcomes=[OrderResult(order) for order in ordered]))
        # Records may have been removed from the log: the tables are rebuilt by their next reader.
        with transaction(store.base):
            clear(store.base)
        store.compact()
    finally:
        store.close()
    return False


def _runs(folder: Path) -> bool:
    """Whether a sensor has the store open."""
    try:
        Lock(folder).release()
    except StoreInUse:
        return True
    return False
