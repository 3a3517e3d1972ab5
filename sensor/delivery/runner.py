"""Runner: one output in its own thread. It reads the log on two lanes, sends batches and stores its position. It runs
until stopped, or with ``once`` until all is delivered.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from sensor.boundary import Boundary, Fault
from sensor.core.output import Options, Output
from sensor.delivery.batch import Batch
from sensor.delivery.dead_letters import DeadLetters, Letters
from sensor.delivery.epoch import Epoch
from sensor.delivery.lanes import MainLane, Room, UrgentLane
from sensor.delivery.position import Position, before_of, found_position, save_position
from sensor.delivery.redaction import load_salt
from sensor.delivery.requests import done_with, requested
from sensor.delivery.section import type_of
from sensor.delivery.sender import Sender
from sensor.delivery.shape import Shape
from sensor.delivery.status import STALLED_S, Status
from sensor.delivery.threaded import Threaded
from sensor.eventlog.log_cursor import LogCursor
from sensor.eventlog.segments import cursors_of
from sensor.logs.logs import log

POLL_S = 0.1
LONGEST_SLEEP_S = 1.0
DURABLE_EVERY_S, BEFORE_EVERY_S, REQUESTS_EVERY_S = 0.1, 10.0, 0.5
# A call of an output may take this many timeouts, and this many seconds more: each of its steps has its own timeout.
STUCK_TIMES, STUCK_S = 8, 60.0
# A destination may reject everything.
REFUSALS_EVERY_S = 10.0
ONCE_TRIES = 5


class Runner(Threaded):
    """``log``: source of records; ``once``: end when all is delivered, or cannot be."""

    def __init__(self, log: Path, name: str, unit: type[Output], options: Options, *, once: bool = False) -> None:
        """Raises OSError if salt or position cannot be read."""
        super().__init__(f"output-{name}")
        self.log, self.name, self.options, self._once = log, name, options, once
        self._boundary = Boundary(self._log_fault)
        self._path = cursors_of(log) / f"{name}.json"
        self._shape = Shape(unit, options, lambda: load_salt(cursors_of(log)), self._boundary)
        self._letters = DeadLetters(log, name)
        self.sender = Sender(unit(name, options), options, self._boundary, self._keep_dead, self._stopping.is_set)
        self._epoch = Epoch(self._path) if unit.has_epoch else None
        self._room = Room(min(options.batch_events, self.sender.rate.most), options.batch_kib << 10)
        self.position = self._found()
        self._set_epoch()
        # Read by other threads: replaced atomically.
        self.published = msgspec.structs.replace(self.position)
        self.over = False
        self._dirty, self._durable_at, self._before_at, self._looked_at = True, 0.0, 0.0, 0.0
        self._stalled = False
        # Rejections that were not reported yet, and since when.
        self._refusals, self._refusals_at = 0, -REFUSALS_EVERY_S
        self._main: MainLane | None = None
        self._urgent: UrgentLane | None = None

    @property
    def stuck(self) -> bool:
        """Whether it makes no progress at all: its thread has ended, or a call takes far longer than all of its
        timeouts.
        """
        moved = time.monotonic() - self.sender.moved_at < STUCK_TIMES * self.options.timeout_s + STUCK_S
        return not self.over and not (moved and self._thread.is_alive())

    def status(self, end: int) -> Status:
        """Its status. ``end``: last number of the log."""
        published, sender, now = self.published, self.sender, time.time()
        pending = published.pending(end)
        stalled = sender.stalled_since(now) if pending else 0.0
        state = (
            "stopped"
            if not self._thread.is_alive()
            else "stalled"
            if stalled and now - stalled >= STALLED_S
            else "waiting"
            if stalled
            else ""
        )
        return Status(
            self.name, type_of(self.options), state or ("delivering" if pending else "idle"),  # type: ignore[arg-type]
            published.seq, published.alerts, published.done + pending, published.delivered, published.filtered,
            published.refused, published.missing, pending, sender.backoff.tries, sender.last_delivered, stalled,
            sender.error, sender.error_at, round(sender.next_try), now, os.getpid(),
        )  # fmt: skip

    # The thread.

    def _run(self) -> None:
        try:
            while not self._stopping.is_set() and not self.over:
                self.sender.moved_at = time.monotonic()
                results, whole = self._boundary.run(f"delivery {self.name}", self._guarded)
                if not whole:
                    self.sender.pause(f"an internal error: {self.sender.broke or 'delivery failed again'}")
                    self._drop_lanes()
                elif not results[0]:
                    self._rest()
        finally:
            self._save(at_last=True)
            self._drop_lanes()
            self.sender.close()

    def _guarded(self) -> Iterator[bool]:
        """Yields whether more work is ready."""
        try:
            yield self._turn()
        except OSError as error:
            self.sender.pause(f"{error.filename or self.log}: {error.strerror or error}")
            yield False

    def _rest(self) -> None:
        """Wait for new work."""
        if self._dirty:
            self._save()
        self._log_stall()
        self.sender.idle()
        self._stopping.wait(min(max(self.sender.wait_s, POLL_S), LONGEST_SLEEP_S))

    def _turn(self) -> bool:
        """Process both lanes once; False if it is time to wait."""
        self._heed_requests()
        self._heed_destination()
        self.over = self._once and self.sender.backoff.tries >= ONCE_TRIES
        if self.over or self.sender.wait_s:
            return False
        main = self._lanes()
        moved = False
        if self._urgent is not None:
            moved = self._urgent.fill()
            if not self.sender.deliver(self._urgent.batch):
                return False
            self._settle_urgent(self._urgent)
        moved |= main.fill(self.position.alerts if self._urgent is not None else None)
        if self._is_due(main.batch, moved):
            if not self.sender.deliver(main.batch):
                return False
            self._settle_main(main)
            moved = True
        if main.replaced and not main.batch.count:
            self._restart("another log has its name")
            return True
        self.over = self._once and not moved and not main.batch.count
        return moved

    def _lanes(self) -> MainLane:
        """The main lane; creates the urgent lane for a backlog, and drops it without one."""
        if self._main is None:
            self._main = MainLane(self.log, self.position, self._shape, self._room, self._keep_dead)
        main, urgent = self._main, self._urgent
        if urgent is None and main.backlog and not main.batch.count and self.options.alerts_first:
            after = max(self.position.alerts, self.position.seq)
            self._urgent = UrgentLane(self.log, after, self._shape, self._room, self._keep_dead)
        elif (
            urgent is not None
            and not main.backlog
            and not main.batch.count
            and not urgent.batch.count
            and self.position.seq >= self.position.alerts
        ):
            urgent.close()
            self._urgent = None
        return main

    def _is_due(self, batch: Batch, moved: bool) -> bool:
        """Whether a batch is due. A batch without entries is settled at once; so is one with an alert."""
        if not batch.count:
            return batch.numbers > 0
        return (
            batch.full or batch.urgent or self._once or time.monotonic() - batch.begun >= self.options.batch_ms / 1000
        )

    def _settle_main(self, lane: MainLane) -> None:
        batch, position = lane.batch, self.position
        position.seq, position.id = lane.at, batch.id or position.id
        position.alerts = max(position.alerts, position.seq)
        position.missing += batch.missing
        position.ahead -= batch.passed
        if batch.missing:
            self._log(
                "warning",
                "missing numbers of the log are skipped",
                missing=batch.missing,
                before=lane.at,
                damages=lane.damages[:3],
            )
        self._count(batch)
        lane.begin()

    def _settle_urgent(self, lane: UrgentLane) -> None:
        if lane.at <= self.position.alerts:
            return
        self.position.alerts = lane.at
        self.position.ahead += lane.batch.ahead
        self._count(lane.batch)
        lane.begin()

    def _count(self, batch: Batch) -> None:
        position = self.position
        position.delivered += batch.delivered
        position.refused += batch.refused
        position.filtered += batch.filtered
        self.published = msgspec.structs.replace(position)
        self._dirty = True
        self._log_stall()
        durable = time.monotonic() - self._durable_at >= DURABLE_EVERY_S
        # A destination that drops duplicates needs fewer durable writes.
        if durable or self.sender.output.guarantee != "exactly_once":
            self._save(durable=durable)

    # Position.

    def _found(self) -> Position:
        found = found_position(self._path)
        if found is None:
            if self._path.exists():
                self._log("warning", "the position cannot be read: all records are sent again", file=str(self._path))
            return Position()
        if found.seq and self._is_other_log(found):
            self._log("warning", "another log has its name: it is read from its beginning", log=str(self.log))
            self._renew_epoch()
            return Position()
        return found

    def _is_other_log(self, found: Position) -> bool:
        """Whether the record at the position belongs to another log. A removed record proves nothing, except in a plain
        file, which is complete.
        """
        cursor = LogCursor(self.log, found.seq - 1)
        try:
            lines = cursor.read(1)
            if lines and lines[0][0] == found.seq:
                return bool(found.id) and msgspec.json.decode(lines[0][1]).get("id") != found.id
            return not lines and self.log.is_file() and not self.log.is_symlink() and self.log.stat().st_size > 0
        finally:
            cursor.close()

    def _save(self, *, durable: bool = True, at_last: bool = False) -> None:
        """If it cannot be written, delivery continues: some numbers may be sent again after a crash."""
        now = time.monotonic()
        try:
            save_position(self._path, self.position, durable=durable)
            if durable and (at_last or now - self._before_at >= BEFORE_EVERY_S):
                save_position(before_of(self._path), self.position, durable=False)
                self._before_at = now
        except OSError as error:
            self.sender.error, self.sender.error_at = f"the position cannot be stored: {error.strerror}", time.time()
            return
        self._dirty = not durable
        if durable:
            self._durable_at = now

    def _heed_requests(self) -> None:
        """Go back if the operator requested it (`sensor outputs replay`)."""
        now = time.monotonic()
        if now - self._looked_at < REQUESTS_EVERY_S:
            return
        self._looked_at = now
        seq = requested(self.log, self.name)
        if seq is not None:
            self.position.back_to(seq)
            self._start_over()
            done_with(self.log, self.name)
            self._log("info", "goes back", after=self.position.seq)

    def _heed_destination(self) -> None:
        """Go back if the destination lacks records that it had (``Output.wanted``)."""
        output = self.sender.output
        if output.wanted is None:
            return
        if not output.epoch:
            self._renew_epoch()
            self._set_epoch()
        self.position.back_to(max(0, output.wanted))
        output.wanted = None
        self.sender.works()
        self._start_over()
        self._log("warning", "the destination requests the log again", after=self.position.seq)

    def _renew_epoch(self) -> None:
        if self._epoch is not None:
            self._epoch.renew()

    def _set_epoch(self) -> None:
        if self._epoch is not None:
            self.sender.output.epoch = self._epoch.text

    def _restart(self, why: str) -> None:
        self._log("warning", "the log is read from its beginning", why=why)
        self._renew_epoch()
        self._set_epoch()
        self.position = Position()
        self._start_over()

    def _start_over(self) -> None:
        self._drop_lanes()
        self.published = msgspec.structs.replace(self.position)
        self._save()

    def _drop_lanes(self) -> None:
        for lane in (self._main, self._urgent):
            if lane is not None:
                lane.close()
        self._main = self._urgent = None

    # Events.

    def _keep_dead(self, letters: Letters) -> None:
        self._letters.add(letters)
        self._refusals += len(letters)
        now = time.monotonic()
        if now - self._refusals_at >= REFUSALS_EVERY_S:
            self._log(
                "warning", "refused", records=self._refusals, answer=letters[0][2][:200], kept=str(self._letters.path)
            )
            self._refusals, self._refusals_at = 0, now

    def _log_fault(self, fault: Fault) -> None:
        self.sender.broke = f"{fault.error} at {fault.place}"
        self._log("error", "an internal error", unit=fault.unit, error=fault.error, place=fault.place)

    def _log_stall(self) -> None:
        """Log once when delivery stalls, and once when it resumes."""
        failing = self.sender.failing_since > 0
        if failing != self._stalled:
            self._stalled = failing
            if failing:
                self._log("warning", "cannot deliver", error=self.sender.error)
            else:
                self._log("info", "delivers again")

    def _log(self, level: str, what: str, **facts: Any) -> None:
        """To the process log, whose failure does not affect delivery."""
        with contextlib.suppress(OSError):
            getattr(log(), level)(what, output=self.name, **facts)
