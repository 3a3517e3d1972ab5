"""Purges of devices: ordered like all operator changes of an inventory, and carried out at once if no sensor runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sensor.inventory.corrections import Outcome
from sensor.inventory.journal import Entries
from sensor.inventory.store.database import Lock, Taken
from sensor.inventory.store.operator_changes import OperatorChanges
from sensor.inventory.store.store import Store
from sensor.tables.position import clear
from sensor.tables.tables import transaction


def purge(folder: Path, devices: Sequence[tuple[str, str]], author: str, reason: str, now: int) -> bool:
    """``devices``: key and id of each; ``now``: ns. Whether a sensor runs there, which does it soon. StoreError or
    OSError where it cannot be written.
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
        store.write(Entries(outcomes=[Outcome(order) for order in ordered]))
        # Records of the log may be gone: the tables are rebuilt by their next reader.
        with transaction(store.base):
            clear(store.base)
        store.compact()
    finally:
        store.close()
    return False


def _runs(folder: Path) -> bool:
    """Whether a sensor has the store."""
    try:
        Lock(folder).release()
    except Taken:
        return True
    return False
