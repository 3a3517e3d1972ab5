"""Operator changes: corrections and orders that commands add to the store, whether or not the sensor runs. A running
sensor applies them within a second.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

from sensor.inventory.corrections import FIELDS, Correction
from sensor.inventory.store.database import FILE, StoreError, connect
from sensor.inventory.store.operator_values import corrections_of
from sensor.inventory.store.rows import renew_rows
from sensor.inventory.store.schema import VERSION

ORDERS = ("merge", "split", "undo", "forget", "purge")
_INSERT = "INSERT INTO words (ts, author, key, field, value, reason, state) VALUES (?, ?, ?, ?, ?, ?, ?)"


class NotUndone(StoreError):
    """There is no such change, or it cannot be undone."""


class OperatorChanges:
    """Adds operator changes to a store, by ``author`` at ``ts`` (ns)."""

    def __init__(self, folder: Path, author: str, ts: int) -> None:
        """Raises StoreError if there is no store, or none of this version."""
        self.path, self.author, self.ts = folder / FILE, author, ts
        if not self.path.is_file():
            raise StoreError(f"{self.path}: no inventory yet: run `sensor run` or `sensor replay` first")
        try:
            self._base = connect(self.path)
            (version,) = self._base.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from None
        if version != VERSION:
            self._base.close()
            raise StoreError(
                f"{self.path}: its tables have version {version}, this sensor writes {VERSION}: start it once"
            )

    def close(self) -> None:
        self._base.close()

    def correct(self, corrections: Iterable[Correction]) -> list[str]:
        """Add all corrections or none; returns the number of each. Raises StoreError if they cannot be written."""
        rows = [
            (self.ts, self.author, correction.key, correction.field, correction.value, correction.reason, "said")
            for correction in corrections
        ]
        numbers: list[str] = []

        def add() -> None:
            numbers.extend(str(self._base.execute(_INSERT, row).lastrowid) for row in rows)
            renew_rows(self._base, {str(row[2]) for row in rows}, corrections_of(self._base))

        self._write(add)
        return numbers

    def order(self, action: str, key: str, other: str, reason: str) -> str:
        """Add one of ORDERS, for the sensor to execute; returns its number. Raises StoreError if it cannot be
        written.
        """
        row = (self.ts, self.author, key, action, other, reason, "pending")
        numbers: list[str] = []
        self._write(lambda: numbers.append(str(self._base.execute(_INSERT, row).lastrowid)))
        return numbers[0]

    def purge(self, devices: Iterable[tuple[str, str]], reason: str) -> None:
        """Order the removal of devices (key, id): all of them or none. Raises StoreError if that cannot be written."""
        rows = [(self.ts, self.author, key, "purge", device, reason, "pending") for key, device in devices]
        self._write(lambda: self._base.executemany(_INSERT, rows))

    def undo(self, number: str) -> str:
        """Undo a correction, an order or a merger by its number (``12``, ``m3``); returns a description of it. Raises
        NotUndone if there is none that can be undone.
        """
        if number.startswith("m"):
            return self._undo_merger(number)
        row = self._base.execute(
            "SELECT * FROM words WHERE number = ? AND state NOT IN ('undone', 'failed')", (int(number),)
        ).fetchone()
        if row is None:
            raise NotUndone(f"no change has the number {number}, or it was already undone")

        if row["field"] == "forget" and row["state"] == "done":
            raise NotUndone("a forgotten baseline cannot be restored: it is learned again")
        if row["field"] == "purge" and row["state"] == "done":
            raise NotUndone("a purged device cannot be restored: it is found again when it sends packets")

        def take_back() -> None:
            self._base.execute("UPDATE words SET state = 'undone' WHERE number = ?", (row["number"],))
            renew_rows(self._base, [row["key"]], corrections_of(self._base))
            if row["state"] == "done":
                opposite = {"merge": "undo", "split": "merge", "undo": "merge"}[row["field"]]
                self._base.execute(
                    _INSERT, (self.ts, self.author, row["key"], opposite, row["value"], f"undoes {number}", "pending")
                )

        self._write(take_back)
        return f"{row['field']}={row['value']}" if row["field"] in FIELDS else f"{row['field']} {row['value']}".rstrip()

    def _undo_merger(self, number: str) -> str:
        row = self._base.execute("SELECT * FROM mergers WHERE number = ? AND NOT undone", (int(number[1:]),)).fetchone()
        if row is None:
            raise NotUndone(f"no change has the number {number}, or it was already undone")
        self.order("undo", row["kept_key"], row["lost_key"], f"undoes {number}")
        return f"merged {row['lost']}: {row['reason']}"

    def latest(self, key: str) -> str:
        """The number of a device's latest correction, order or merger that can be undone; empty if there is none."""
        correction = self._base.execute(
            "SELECT number, ts, field FROM words WHERE key = ? AND state NOT IN ('undone', 'failed') AND "
            "field NOT IN ('undo', 'forget', 'purge')"
            " ORDER BY number DESC",
            (key,),
        ).fetchone()
        merger = self._base.execute(
            "SELECT number, ts FROM mergers WHERE kept_key = ? AND NOT undone ORDER BY number DESC", (key,)
        ).fetchone()
        if merger is None or (
            correction is not None and (correction["field"] == "merge" or correction["ts"] >= merger["ts"])
        ):
            return str(correction["number"]) if correction is not None else ""
        return f"m{merger['number']}"

    def _write(self, change: Callable[[], object]) -> None:
        try:
            self._base.execute("BEGIN IMMEDIATE")
            change()
            self._base.execute("COMMIT")
        except sqlite3.Error as error:
            if self._base.in_transaction:
                self._base.execute("ROLLBACK")
            raise StoreError(f"cannot write {self.path}: {error}") from None
