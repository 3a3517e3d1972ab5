"""The store as the sensor uses it: the state of the last run, and batches of changes since."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from sensor.core import addresses
from sensor.core.device import Device, DeviceChange
from sensor.core.record_parts import Body, device_body
from sensor.core.service_names import service_text
from sensor.core.stored import OpenEntry
from sensor.inventory.corrections import Correction, Order, OrderResult
from sensor.inventory.journal import Entries, Merger, Move
from sensor.inventory.rules import ANYBODY, Rule
from sensor.inventory.state import DeviceState
from sensor.inventory.store.database import FILE, Lock, StoreError, connect, open_database, prepare
from sensor.inventory.store.operator_values import corrections_of, rules_of
from sensor.inventory.store.purging import purge
from sensor.inventory.store.rows import ListedDevice, fill_rows, index_words, remove_rows, save_rows

# Limits on the rows of these tables; the newest are kept, checked once in this many batches.
HISTORY_ROWS, LEASE_ROWS, MERGER_ROWS = 1_000_000, 1_000_000, 10_000
TIDY_EVERY = 512
# Key of the start and end of monitoring.
WATCHED = "watched"

_encode = msgspec.json.Encoder().encode
_STATE = msgspec.json.Decoder(DeviceState)
_DEVICE = "INSERT OR REPLACE INTO devices VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PAIR = msgspec.json.Decoder(tuple[str, str])


class Store:
    """One sensor's store. ``base``: its connection, for the writer's thread; ``note``: a message to report once;
    ``broken``: devices that could not be read.
    """

    def __init__(self, folder: Path, checked: Sequence[str] = ()) -> None:
        """``checked``: the only tables to check for damage, if all others will be replaced; empty for all. Raises
        StoreError or OSError if the store cannot be used.
        """
        self.path = folder / FILE
        self._lock = Lock(folder)
        try:
            self.base, self.note = open_database(self.path, checked)
            with self._faults(), self._transaction():
                fill_rows(self.base, corrections_of(self.base))
        except BaseException:
            self._lock.release()
            raise
        self.broken = 0
        self._batches = 0
        self._version = -1

    def close(self) -> None:
        self.base.close()
        self._lock.release()

    def reopen(self) -> None:
        """Continue with the file that now has the store's name. Raises sqlite3.Error."""
        self.base.close()
        self.base, self._version = connect(self.path), -1
        prepare(self.base)

    # Stored data.

    def meta(self, name: str) -> str:
        row = self.base.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def set_meta(self, name: str, value: str) -> None:
        with self._faults():
            self.base.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def devices(self, limit: int) -> Iterator[DeviceState]:
        """The devices seen last, at most ``limit``, in the order in which they were seen."""
        (count,) = self.base.execute("SELECT count(*) FROM devices").fetchone()
        rows = self.base.execute("SELECT state FROM devices ORDER BY last LIMIT -1 OFFSET ?", (max(0, count - limit),))
        rows.row_factory = None
        for (text,) in rows:
            try:
                yield _STATE.decode(text)
            except (msgspec.DecodeError, ValueError):
                self.broken += 1

    def corrections(self) -> dict[str, dict[str, Correction]]:
        """The operator values of each device, by key and field. Those of a merged device belong to the one it was
        merged into.
        """
        with self._faults():
            return corrections_of(self.base)

    def apart(self) -> list[tuple[str, str]]:
        """The keys of devices that must not be merged."""
        return [tuple(row) for row in self.base.execute("SELECT one, other FROM apart")]

    def orders(self) -> list[Order]:
        """The operator's orders that were not executed yet."""
        with self._faults():
            rows = self.base.execute(
                "SELECT number, field, key, value, reason FROM words WHERE state = 'pending' ORDER BY number"
            ).fetchall()
        return [
            Order(number, action, key, other, reason, self._before(key, other) if action == "undo" else None)
            for number, action, key, other, reason in map(tuple, rows)
        ]

    def _before(self, kept: str, lost: str) -> tuple[DeviceState, DeviceState] | None:
        """Two devices as they were before they were merged."""
        wanted = (
            "SELECT kept_before, lost_before FROM mergers WHERE kept_key = ? AND lost_key = ? AND NOT "
            "undone ORDER BY number DESC"
        )
        row = self.base.execute(wanted, (kept, lost)).fetchone()
        return (_STATE.decode(row[0]), _STATE.decode(row[1])) if row else None

    def habits(self) -> Iterator[tuple[str, str]]:
        """The learned data of each device, as JSON."""
        yield from map(
            tuple,
            self.base.execute(
                "SELECT device, habits FROM baseline WHERE device IN (SELECT id FROM devices)"
            ).fetchall(),
        )

    def advice(self) -> Iterator[str]:
        """Open recommendations, as JSON."""
        yield from (row[0] for row in self.base.execute("SELECT body FROM advice").fetchall())

    def open_state(self) -> Iterator[tuple[str, str]]:
        """(kind, JSON) of the open alerts and incidents, those with the oldest occurrence first."""
        yield from map(tuple, self.base.execute("SELECT kind, body FROM open_state ORDER BY ts, key").fetchall())

    def rules(self) -> list[Rule]:
        """The operator's rules."""
        with self._faults():
            return rules_of(self.base)

    def changed(self) -> bool:
        """Whether another process has written since the last call."""
        with self._faults():
            (version,) = self.base.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return False
        self._version = version
        return True

    # Changes.

    def write(self, entries: Entries, *, listed: bool = True) -> None:
        """Write all entries in one transaction. ``listed``: update the rows for lists as well, otherwise the next
        reader makes them (``rows.fill_rows``). Raises StoreError if that fails; then nothing was written.
        """
        base = self.base
        with self._faults(), self._transaction():
            self._remove(entries.removed)
            for merger in entries.mergers:
                self._merge(merger)
            self._save(entries.states, listed=listed)
            for move in entries.moves:
                self._move(move)
            base.executemany(
                "INSERT INTO history (ts, device, action, changes, reason) VALUES (?, ?, ?, ?, ?)",
                map(_history, entries.changes),
            )
            for outcome in entries.outcomes:
                self._close(outcome)
            purge(base, [outcome.order for outcome in entries.outcomes if outcome.order.action == "purge"])
            if entries.habits:
                base.executemany("INSERT OR REPLACE INTO baseline VALUES (?, ?)", entries.habits)
                self.set_meta(WATCHED, f"{entries.watched[0]} {entries.watched[1]}")
            self._advise(entries.advice)
            self._note_open(entries.open_state)
            self._batches += 1
            if self._batches % TIDY_EVERY == 1:
                self._tidy()

    def compact(self) -> None:
        """Rewrite the file to remove data that an earlier sensor deleted but did not overwrite. Raises StoreError if
        there is no room for that.
        """
        with self._faults():
            self.base.execute("VACUUM")

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        """Raises errors of SQLite as StoreError."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self.base.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.base.execute("COMMIT")
        except BaseException:
            if self.base.in_transaction:
                self.base.execute("ROLLBACK")
            raise

    def _remove(self, removed: list[tuple[int, str]]) -> None:
        ids = [(name,) for _, name in removed]
        for table, column in (
            ("devices", "id"),
            ("device_rows", "id"),
            ("services", "device"),
            ("neighbours", "device"),
            ("baseline", "device"),
        ):
            self.base.executemany(f"DELETE FROM {table} WHERE {column} = ?", ids)  # noqa: S608 - names from the line above

    def _save(self, states: list[tuple[DeviceState, Device]], *, listed: bool) -> None:
        base = self.base
        # a key that now has another id must not abort the batch
        bodies = [device_body(device) for _, device in states]
        base.executemany(
            _DEVICE, [_row(state, device, body) for (state, device), body in zip(states, bodies, strict=True)]
        )
        if listed:
            save_rows(
                base,
                [
                    ListedDevice(state.first, state.last, bool(state.gone), body)
                    for (state, _), body in zip(states, bodies, strict=True)
                ],
            )
            index_words(base)
        else:
            remove_rows(base, [state.id for state, _ in states])
        held = (
            (last, state.id, addresses.text(int(address, 16)))
            for state, _ in states
            for address, last in state.addresses.items()
        )
        base.executemany("UPDATE leases SET last = ?1 WHERE device = ?2 AND address = ?3 AND held", held)
        services = [
            (state.id, service, offered, service_text(service))
            for state, _ in states
            for service, offered in _services(state)
        ]
        base.executemany("INSERT OR IGNORE INTO services VALUES (?, ?, ?, ?)", services)
        neighbours = [(state.id, *neighbour) for state, _ in states for neighbour in state.neighbours]
        base.executemany("INSERT OR REPLACE INTO neighbours VALUES (?, ?, ?, ?, ?, ?)", neighbours)

    def _advise(self, advice: list[tuple[str, str, str]]) -> None:
        self.base.executemany(
            "DELETE FROM advice WHERE device = ? AND setting = ?",
            [(device, setting) for device, setting, body in advice if not body],
        )
        self.base.executemany("INSERT OR REPLACE INTO advice VALUES (?, ?, ?)", [one for one in advice if one[2]])

    def _note_open(self, entries: list[OpenEntry]) -> None:
        closed = [(one.kind, one.key) for one in entries if not one.body]
        self.base.executemany("DELETE FROM open_state WHERE kind = ? AND key = ?", closed)
        rows = [(*one[:3], _encode(one.devices).decode(), one.body) for one in entries if one.body]
        self.base.executemany("INSERT OR REPLACE INTO open_state VALUES (?, ?, ?, ?, ?)", rows)

    def _move(self, move: Move) -> None:
        if not move.address:
            self.base.execute(
                "UPDATE leases SET held = 0, last = max(last, ?) WHERE device = ? AND held", (move.ts, move.device)
            )
            return
        address = addresses.text(move.address)
        closed = "UPDATE leases SET held = 0, last = ? WHERE device = ? AND address = ? AND held"
        if not move.held:
            self.base.execute(closed, (move.ts, move.device, address))
            return
        held = self.base.execute(
            "SELECT 1 FROM leases WHERE device = ? AND address = ? AND held", (move.device, address)
        ).fetchone()
        if not held:
            wanted = "INSERT INTO leases (device, address, first, last, held) VALUES (?, ?, ?, ?, 1)"
            self.base.execute(wanted, (move.device, address, move.ts, move.ts))

    def _merge(self, merger: Merger) -> None:
        kept, lost = merger.kept, merger.lost
        wanted = (
            "INSERT INTO mergers (ts, kept, lost, kept_key, lost_key, reason, kept_before, lost_before) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        )
        self.base.execute(
            wanted, (merger.ts, kept.id, lost.id, kept.key, lost.key, merger.reason, _text(kept), _text(lost))
        )
        self.base.execute(
            "DELETE FROM apart WHERE (one = ?1 AND other = ?2) OR (one = ?2 AND other = ?1)", (kept.key, lost.key)
        )

    def _close(self, outcome: OrderResult) -> None:
        """Record that an order was executed or failed."""
        order = outcome.order
        reason = f"{order.reason}; {outcome.fault}" if outcome.fault else order.reason
        self.base.execute(
            "UPDATE words SET state = ?, reason = ? WHERE number = ?",
            ("failed" if outcome.fault else "done", reason, order.number),
        )
        if order.action == "forget" and not order.other:
            self._forget(order.key)
        if outcome.fault or order.action in ("merge", "forget", "purge"):
            return
        self.base.execute("INSERT OR IGNORE INTO apart VALUES (?, ?)", (order.key, order.other))
        if order.action == "undo":
            self.base.execute(
                "UPDATE mergers SET undone = 1 WHERE kept_key = ? AND lost_key = ?", (order.key, order.other)
            )

    def _forget(self, key: str) -> None:
        """Discard the learned data of a device, or of all."""
        if key == ANYBODY:
            self.base.execute("DELETE FROM baseline")
            self.base.execute("DELETE FROM meta WHERE name = ?", (WATCHED,))
        else:
            self.base.execute("DELETE FROM baseline WHERE device IN (SELECT id FROM devices WHERE key = ?)", (key,))

    def _tidy(self) -> None:
        """Limit the history to its size, and remove learned data of devices that no longer exist."""
        for table, rows in (("history", HISTORY_ROWS), ("mergers", MERGER_ROWS)):
            self.base.execute(f"DELETE FROM {table} WHERE number <= (SELECT max(number) FROM {table}) - ?", (rows,))  # noqa: S608 - names from the line above
        self.base.execute("DELETE FROM baseline WHERE device NOT IN (SELECT id FROM devices)")
        self.base.execute(
            "DELETE FROM leases WHERE NOT held AND number <= (SELECT max(number) FROM leases) - ?", (LEASE_ROWS,)
        )


def _row(state: DeviceState, device: Device, body: Body) -> tuple[object, ...]:
    attributes = (device.type, device.value("vendor"), device.value("model"), next(iter(device.names), ""))
    return (
        state.id,
        state.key,
        *attributes,
        state.vlan,
        state.first,
        state.last,
        state.gone,
        _encode(body).decode(),
        _text(state),
    )


def _text(state: DeviceState) -> str:
    return _encode(state).decode()


def _services(state: DeviceState) -> Iterator[tuple[int, bool]]:
    yield from ((service, True) for service in state.services)
    yield from ((service, False) for service in state.used)


def _history(change: DeviceChange) -> tuple[object, ...]:
    return (change.ts, change.device.id, change.action, _encode(change.changes).decode(), change.note)
