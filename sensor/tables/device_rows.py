"""Devices of a log that is read without an inventory: the last record of each, as in ``eventlog.fold``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import msgspec

from sensor.eventlog.fold import Fold
from sensor.inventory.store.rows import ListedDevice, remove_rows, save_rows
from sensor.tables.batch import Other
from sensor.tables.lines import WORD, time_ns, time_or

_DEVICE = "INSERT OR REPLACE INTO devices VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def save_devices(base: sqlite3.Connection, lines: Iterable[Other]) -> None:
    """Within a transaction. A device that was merged into another is removed."""
    fold, history = Fold(), []
    for line, text in lines:
        if line.device is None:
            continue
        record = msgspec.json.decode(text)
        before = (
            base.execute("SELECT record FROM device_records WHERE id = ?", (line.device.id,)).fetchone()
            if line.action == "gone"
            else None
        )
        if before is not None and line.device.id not in fold.devices:
            fold.add(msgspec.json.decode(before[0]))
        fold.add(record)
        changes = msgspec.json.encode(record.get("changes") or []).decode()
        history.append((line.ns, line.device.id, line.action[:WORD], changes, str(record.get("reason") or "")))
    _remove(base, list(fold.merged))
    _save(base, fold)
    base.executemany("INSERT INTO history (ts, device, action, changes, reason) VALUES (?, ?, ?, ?, ?)", history)


def _remove(base: sqlite3.Connection, lost: list[str]) -> None:
    remove_rows(base, lost)
    for table in ("devices", "device_records"):
        base.executemany(f"DELETE FROM {table} WHERE id = ?", [(name,) for name in lost])  # noqa: S608 - names from the line above


def _save(base: sqlite3.Connection, fold: Fold) -> None:
    shown = {}
    for name, record in fold.devices.items():
        body, ts = record["device"], time_ns(record["ts"])
        shown[name] = ListedDevice(
            time_or(str(body.get("first_seen", "")), ts),
            time_or(str(body.get("last_seen", "")), ts),
            record.get("action") == "gone",
            body,
        )
    save_rows(base, shown.values())
    base.executemany(
        "INSERT OR REPLACE INTO device_records VALUES (?, ?)",
        [(name, msgspec.json.encode(fold.devices[name]).decode()) for name in shown],
    )
    base.executemany(
        _DEVICE,
        [
            (
                name,
                name,
                "",
                "",
                "",
                "",
                0,
                one.first,
                one.last,
                int(one.gone),
                msgspec.json.encode(one.body).decode(),
                "",
            )
            for name, one in shown.items()
        ],
    )
