"""Keeper: connects the inventory with its store. The engine passes entries and never waits for the disk; a separate
thread writes.

If the disk is slow or full, the thread is behind: entries then wait in the inventory's journal, which is limited, and
are passed later.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from sensor.alerts.processor import AlertProcessor
from sensor.core.collection import no_collection
from sensor.inventory.baseline import Baseline
from sensor.inventory.corrections import Correction, Order
from sensor.inventory.inventory import Inventory
from sensor.inventory.journal import Entries
from sensor.inventory.persistence import Advice, OpenState, Persistence
from sensor.inventory.rules import Rule
from sensor.inventory.store.database import StoreError
from sensor.inventory.store.store import WATCHED, Store
from sensor.runtime.left_open import LeftOpen
from sensor.tables.mute_rows import FILE_NAME, follow_mutes
from sensor.tables.tables import LINES, Tables

# Devices in a batch, batches that may wait, and seconds between two; longer for a replay, which can be repeated: a
# device changes most in its first seconds, and each write costs as much as what was learned of it.
BATCH, WAITING, EVERY_S, REPLAY_EVERY_S = 500, 4, 1.0, 5.0
# Orders executed at a time: their results are recorded in a journal of limited size.
ORDERS = 500
# Devices in a batch at the end: those that wait take 5 KB each.
LAST_BATCH = 250
# Devices in a batch of learned data: passed when all else is written, every SWEEP_NS.
LEARNED = 100
# Interval in which the last times of unchanged devices are written, ns of packet time.
SWEEP_NS = 600_000_000_000
# Key of the name of the fingerprints by which facts were evaluated; and its value while some were evaluated by others.
KNOWLEDGE, MIXED = "knowledge", "mixed"
# Seconds between two attempts to write after a failure.
RETRY_S = 5.0
# Seconds for which the store waits for the log; the second value at the end of a run, when the caller waits for both.
BEHIND_S, ENDING_S = 2.0, 0.2

Corrections = dict[str, dict[str, Correction]]


class Keeper:
    """Restores the inventory at the start, then writes it. ``complain`` gets errors of the store. ``log_down`` waits,
    for the given seconds at most, until all events are on disk: data in the store is not reported again, so it must not
    be stored before its events.
    """

    def __init__(self, folder: Path, complain: Callable[[str], None], every_s: float = EVERY_S) -> None:
        """``every_s``: seconds between two batches. Raises StoreError or OSError if the store cannot be opened."""
        self.store, self._complain = Store(folder), complain
        if self.store.note:
            complain(self.store.note)
        self._entries: queue.Queue[Entries | None] = queue.Queue(WAITING)
        self._incoming: queue.Queue[tuple[Corrections, list[Order], list[Rule]]] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="inventory-store", daemon=True)
        self._every_s = every_s
        self._next = time.monotonic() + every_s
        self._swept: int | None = None
        self._learning = False
        self._corrections: Corrections = {}
        self._given: set[int] = set()
        self._orders: list[Order] = []
        self._failed = False
        self._ending = threading.Event()
        self.log_down: Callable[[float], object] = lambda _: None
        # The file that the engine reads mutes from; None if it reads none.
        self.mutes: Callable[[], Path | None] = lambda: None
        self._mutes_noted: str | None = None
        self._left_open: LeftOpen | None = None
        self._log: Path | None = None
        self._tables: Tables | None = None
        self._behind = False
        self._until: float | None = None

    def begin(
        self,
        inventory: Inventory,
        knowledge: str,
        baseline: Baseline | None = None,
        advice: Advice | None = None,
        open_state: OpenState | None = None,
    ) -> int:
        """Restore the inventory; returns the number of devices. ``knowledge`` names the fingerprints: if they have
        changed since the last run, all facts are evaluated again. ``baseline``: learned data; ``advice``:
        recommendations; ``open_state``: open alerts.
        """
        self.persistence = Persistence(inventory, baseline, advice, open_state)
        self._corrections = self.store.corrections()
        inventory.table.corrections.update(self._corrections)
        again = self.store.meta(KNOWLEDGE) not in ("", knowledge)
        with no_collection():
            restored = sum(
                self.persistence.restore(state, again=again) for state in self.store.devices(inventory.limits.devices)
            )
        if self.store.broken:
            self._complain(f"{self.store.path}: skipped {self.store.broken:,} invalid device rows")
        for one, other in self.store.apart():
            inventory.endpoints.keep_apart(one, other)
        if baseline is not None:
            self._restore_baseline(baseline)
        if advice is not None:
            self._restore_rows("recommendation", advice.restore, ((body,) for body in self.store.advice()))
        if open_state is not None:
            self._restore_rows("alert", open_state.restore, self.store.open_state())
        self.persistence.keep_journal()
        self._take(self._corrections, self.store.orders(), self.store.rules())
        self._carry_out_orders()
        self._knowledge = self._noted = knowledge
        self.store.set_meta(KNOWLEDGE, knowledge)
        self.store.changed()
        self._thread.start()
        return restored

    def follow(self, log: Path, alerts: AlertProcessor | None = None) -> None:
        """Keep the data for lists up to date: the tables of an event log (``sensor/tables/``), the rows of devices.
        ``alerts``, of a run that continues the log, closes what earlier runs left open. Lists of a replay are not read
        before it ends: the first reader brings them up to date (``tables.build.catch_up``).
        """
        self._log = log
        self._left_open = LeftOpen(log, alerts) if alerts is not None else None

    def know(self, knowledge: str) -> None:
        """All facts were evaluated by these fingerprints; empty: not all yet. Facts that a run does not reach are
        evaluated at the start of the next.
        """
        self._knowledge = knowledge or MIXED

    def _restore_baseline(self, baseline: Baseline) -> None:
        """Restore the learned data."""
        self._restore_rows("baseline", baseline.restore, self.store.habits())
        since, _, last = self.store.meta(WATCHED).partition(" ")
        if since.isdecimal() and last.isdecimal():
            baseline.resume((int(since), int(last)))

    def _restore_rows(self, kind: str, restore: Callable[..., None], rows: Iterable[tuple[str, ...]]) -> None:
        """Restore each row; invalid ones are counted and left out."""
        broken = 0
        with no_collection():
            for row in rows:
                try:
                    restore(*row)
                except (msgspec.DecodeError, ValueError):
                    broken += 1
        if broken:
            self._complain(f"{self.store.path}: skipped {broken:,} invalid {kind} rows")

    def tick(self, now: int) -> None:
        """Called often by the engine; passes entries about once a second. ``now``: packet time, ns."""
        journal = self.persistence.table.journal
        if self._swept is None:
            self._swept, self._learning = now, True
        if time.monotonic() < self._next and not (journal is not None and journal.pressing):
            return
        self._next = time.monotonic() + self._every_s
        while not self._incoming.empty():
            self._take(*self._incoming.get())
        if self._left_open is not None:
            self._left_open.close(now)
        if not 0 <= now - self._swept < SWEEP_NS:
            self.persistence.sweep(self._swept)
            self._swept, self._learning = now, True
        if not self._entries.full():
            self._carry_out_orders()
            entries = self.persistence.entries(BATCH)
            if not entries and self._learning:
                entries = self.persistence.learned(LEARNED)
                self._learning = bool(entries)
            if entries:
                self._entries.put_nowait(entries)

    def end(self, seconds: float | None = None) -> None:
        """Write all entries, then close. Waits for the disk, because the capture is over; at most ``seconds``, if
        given: changes first, then learned data, then the last times of devices; entries without time to write are
        reported.
        """
        until = self._until = None if seconds is None else time.monotonic() + seconds
        last = None if until is None or seconds is None else until - seconds / 3  # queued entries are written as well
        self._ending.set()
        if until is not None:
            self._put_all(last)
        if self._swept is not None:
            self.persistence.sweep(self._swept)
        self._put_all(last)
        self._put(None, until)
        self._thread.join(_left(until))
        if self._thread.is_alive():
            self._complain(f"{self.store.path} lacks the latest baseline changes: the disk is too slow")
            return
        if left := self.persistence.waiting:
            self._complain(
                f"{self.store.path} lacks the last-seen time of {left:,} devices: there was no time to write it"
            )
        with contextlib.suppress(StoreError):  # then facts are evaluated again at the next start
            self._note()
        self.store.close()

    def abandon(self) -> None:
        """Close without having begun."""
        self.store.close()

    def _take(self, corrections: Corrections, orders: list[Order], rules: list[Rule]) -> None:
        """In the engine's thread: apply new operator values."""
        for key in corrections.keys() | self._corrections.keys():
            if corrections.get(key) != self._corrections.get(key):
                self.persistence.correct(key, corrections.get(key, {}))
        self._corrections = corrections
        if self.persistence.baseline is not None:
            self.persistence.baseline.rule({(one.client, one.server, one.service): one.allowed for one in rules})
        self._orders += [order for order in orders if order.number not in self._given]
        self._given.update(order.number for order in orders)

    def _carry_out_orders(self) -> None:
        """Execute orders, some at a time; the others wait for the next call."""
        now, self._orders = self._orders[:ORDERS], self._orders[ORDERS:]
        for order in now:
            self.persistence.carry_out(order)

    def _put_all(self, until: float | None) -> None:
        """Pass waiting entries to the writer, as far as there is time."""
        while (
            _left(until) != 0
            and (entries := self.persistence.entries(LAST_BATCH) or self.persistence.learned(LAST_BATCH))
            and self._put(entries, until)
        ):
            pass

    def _put(self, entries: Entries | None, until: float | None) -> bool:
        """Pass entries; returns whether there was room in time, and a writer."""
        while self._thread.is_alive():
            left = _left(until)
            try:
                self._entries.put(entries, timeout=EVERY_S if left is None else min(left, EVERY_S))
            except queue.Full:
                if left == 0:
                    return False
            else:
                return True
        return False

    # In the writer's thread.

    def _work(self) -> None:
        while True:
            try:
                entries = self._entries.get(timeout=EVERY_S)
            except queue.Empty:
                self._look()
                self._follow()
                continue
            if entries is None:
                self._follow()
                if self._tables is not None:
                    self._tables.close()
                return
            self._write(entries)
            self._look()
            self._follow()

    def _follow(self) -> None:
        """Bring the tables up to date with the log. Work without time left is done by the next run or reader."""
        if self._log is None or not self._log.is_file():  # a pipe can be read only once
            return
        try:
            tables = self._tables = self._tables or Tables(self.store.base, self._log)
            while tables.advance() >= LINES and self._entries.empty() and _left(self._until) != 0:
                pass
            if not self._ending.is_set():
                tables.tidy()
                follow_mutes(self.store.base, self._log)
                if self._left_open is not None:
                    self._left_open.look(self.store)
        except (StoreError, OSError) as error:
            if not self._behind:
                self._complain(f"{self.store.path}: alerts are not up to date: {error}; retrying")
            self._behind = True
        else:
            self._behind = False

    def _write(self, entries: Entries) -> None:
        """Try until the entries are written; at the end of the run only once more."""
        self.log_down(ENDING_S if self._ending.is_set() else BEHIND_S)
        while True:
            try:
                self.store.write(entries, listed=self._log is not None)
            except StoreError as error:
                if not self._failed:
                    self._complain(f"cannot write {error}; changes are kept in memory")
                self._failed = True
                if self._ending.is_set():
                    self._complain(f"{self.store.path} lacks the last {len(entries.states):,} devices")
                    return
                self._ending.wait(RETRY_S)
                continue
            if self._failed:
                self._complain(f"{self.store.path} is written again")
            self._failed = False
            return

    def _look(self) -> None:
        """Check for new operator values and changed fingerprints."""
        try:
            self._note()
            if self.store.changed():
                self._incoming.put((self.store.corrections(), self.store.orders(), self.store.rules()))
        except StoreError as error:
            if not self._failed:
                self._complain(f"cannot read {error}")
            self._failed = True

    def _note(self) -> None:
        """Record data that later readers need about this run, if it has changed: the fingerprints by which facts were
        evaluated, and the file of mutes.
        """
        if self._noted != self._knowledge:
            self.store.set_meta(KNOWLEDGE, self._knowledge)
            self._noted = self._knowledge
        path = self.mutes()
        mutes = str(path.absolute()) if path is not None else ""
        if self._mutes_noted != mutes:
            self.store.set_meta(FILE_NAME, mutes)
            self._mutes_noted = mutes


def _left(until: float | None) -> float | None:
    """Seconds left, None if there is no limit."""
    return None if until is None else max(0.0, until - time.monotonic())
