"""Recommendations in the store are written, updated and removed, and are deleted with their device."""

from __future__ import annotations

from pathlib import Path

from sensor.inventory.corrections import Order, OrderResult
from sensor.inventory.journal import Entries
from sensor.inventory.store.store import Store


def test_rows_come_and_go(tmp_path: Path) -> None:
    """The store keeps one row per device and setting; a row without a body is removed."""
    store = Store(tmp_path)
    store.write(Entries(advice=[("dev-1", "telnet", '"a"'), ("dev-1", "ftp", '"b"'), ("10.0.0.9", "ftp", '"c"')]))
    store.write(Entries(advice=[("dev-1", "telnet", '"d"'), ("dev-1", "ftp", "")]))
    assert sorted(store.advice()) == ['"c"', '"d"']
    store.close()
    again = Store(tmp_path)
    assert sorted(again.advice()) == ['"c"', '"d"']
    again.close()


def test_a_purged_device_takes_its_own_along(tmp_path: Path) -> None:
    """Purging a device deletes its recommendations and no others."""
    store = Store(tmp_path)
    store.write(Entries(advice=[("dev-1", "telnet", '"a"'), ("dev-2", "telnet", '"b"')]))
    store.write(Entries(outcomes=[OrderResult(Order(1, "purge", "mac:00:17:c8:1a:2b:3c", "dev-1", "lent"))]))
    assert list(store.advice()) == ['"b"']
    store.close()
