"""Open alerts and incidents in the store are written, updated and removed, and are deleted with their devices."""

from __future__ import annotations

from pathlib import Path

from sensor.core.stored import OpenEntry
from sensor.inventory.corrections import Order, OrderResult
from sensor.inventory.journal import Entries
from sensor.inventory.store.store import Store


def test_rows_come_and_go(tmp_path: Path) -> None:
    """One row per alert and incident, those that occurred longest ago first; one without a body is removed."""
    store = Store(tmp_path)
    first = [OpenEntry("alert", "a", 3, ("dev-1",), "1"), OpenEntry("alert", "b", 2, (), "2")]
    store.write(Entries(open_state=[*first, OpenEntry("incident", "a", 1, ("dev-1",), "3")]))
    assert list(store.open_state()) == [("incident", "3"), ("alert", "2"), ("alert", "1")]
    store.write(Entries(open_state=[OpenEntry("alert", "a"), OpenEntry("alert", "b", 4, (), "5")]))
    store.close()
    again = Store(tmp_path)
    assert list(again.open_state()) == [("incident", "3"), ("alert", "5")]
    again.close()


def test_a_purged_device_takes_its_own_along(tmp_path: Path) -> None:
    """Purging a device deletes the alerts in which it is actor or target, and no others."""
    store = Store(tmp_path)
    ends = {"a": ("dev-1",), "b": ("dev-2", "dev-1"), "c": ("dev-2",), "d": ()}
    store.write(Entries(open_state=[OpenEntry("alert", key, 1, devices, key) for key, devices in ends.items()]))
    store.write(Entries(outcomes=[OrderResult(Order(1, "purge", "mac:00:17:c8:1a:2b:3c", "dev-1", "lent"))]))
    assert list(store.open_state()) == [("alert", "c"), ("alert", "d")]
    store.close()
