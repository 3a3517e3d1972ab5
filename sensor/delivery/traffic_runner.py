"""Traffic runner: delivers traffic records of an output from its outbox, in its own thread. A file is removed once all
of it is delivered; the position within it is stored beside that of the output.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sensor.boundary import Boundary, Fault
from sensor.core.output import Options, Output
from sensor.delivery.batch import Batch
from sensor.delivery.catalogue import formats_of
from sensor.delivery.dead_letters import DeadLetters
from sensor.delivery.position import replace_file
from sensor.delivery.redaction import changes, load_salt
from sensor.delivery.sender import Sender
from sensor.delivery.status import Status
from sensor.delivery.threaded import Threaded
from sensor.delivery.traffic import Entries, kinds_of
from sensor.eventlog.segments import cursors_of
from sensor.logs.logs import log
from sensor.records.outbox import Outbox, Unreadable, Waiting, rows_of
from sensor.records.paths import records_folder

POLL_S, TOUCH_S = 1.0, 3600.0
ONCE_TRIES = 5


class DeliveryPosition(msgspec.Struct):
    """Position of the delivery. ``rows``: settled rows of ``file``; the other numbers are totals of all files.
    ``unreadable``: rows of damaged files.
    """

    file: str = ""
    rows: int = 0
    delivered: int = 0
    filtered: int = 0
    refused: int = 0
    unreadable: int = 0


class TrafficRunner(Threaded):
    """``event_log``: log of the output; ``once``: end when everything pending is delivered, or cannot be."""

    def __init__(self, event_log: Path, name: str, unit: type[Output], options: Options, *, once: bool = False) -> None:
        """Raises OSError if the outbox or the salt cannot be created."""
        super().__init__(f"records-{name}")
        self.name, self.options, self._once = name, options, once
        self._path = cursors_of(event_log) / f"{name}.records.json"
        self.outbox = Outbox(records_folder(event_log), name, kinds_of(options.filter))
        salt = load_salt(cursors_of(event_log)) if options.redact else b""
        self._entries = Entries(
            options.filter, options.format or formats_of(unit)[0], changes(options.fields, options.redact, salt), salt
        )
        self._boundary = Boundary(self._log_fault)
        letters = DeadLetters(event_log, f"{name}.records")
        self.sender = Sender(
            unit(f"{name}-records", options), options, self._boundary, letters.add, self._stopping.is_set
        )  # fmt: skip
        self.reached = self._found()
        self.over = False
        self._touched = 0.0

    def pending(self) -> int:
        """Number of pending rows."""
        waiting = self.outbox.waiting()
        done = self.reached.rows if any(one.path.name == self.reached.file for one in waiting) else 0
        return max(0, sum(one.rows for one in waiting) - done)

    def report(self, status: Status) -> Status:
        """The status of its output with its own counts."""
        reached, pending = self.reached, self.pending()
        return msgspec.structs.replace(
            status,
            records_delivered=reached.delivered,
            records_pending=pending,
            records_refused=reached.refused,
            records_dropped=self.outbox.dropped() + reached.unreadable,
            records_error=self.sender.error if self.sender.failing_since else "",
            records_stalled_since=self.sender.stalled_since(time.time()) if pending else 0.0,
        )

    def _run(self) -> None:
        try:
            while not self._stopping.is_set() and not self.over:
                results, whole = self._boundary.run(f"traffic records to {self.name}", self.turn)
                if not whole:
                    self.sender.pause("an internal error: delivery failed")
                if not (whole and results[0]):
                    self._stopping.wait(min(max(self.sender.wait_s, POLL_S), 10 * POLL_S))
        finally:
            self.sender.close()

    def turn(self) -> Iterator[bool]:
        """Yields whether more work is ready. Errors of the disk are retried."""
        try:
            yield self._turn()
        except OSError as error:
            self.sender.pause(f"{error.filename or self.outbox.folder}: {error.strerror or error}")
            yield False

    def _turn(self) -> bool:
        """Deliver the oldest file as far as possible."""
        if time.monotonic() - self._touched > TOUCH_S:
            self._touched = time.monotonic()
            self.outbox.touch()
        waiting = self.outbox.waiting()
        if not waiting:
            self.over = self._once
            return False
        done = self._deliver(waiting[0])
        self.over = self._once and not done and self.sender.backoff.tries >= ONCE_TRIES
        return done

    def _deliver(self, waiting: Waiting) -> bool:
        """Deliver a file; False if it must pause."""
        if self.reached.file != waiting.path.name:
            self.reached.file, self.reached.rows = waiting.path.name, 0
        try:
            for batch in self._batches(waiting):
                if not self._sent(batch):
                    return False
        except Unreadable as error:
            self.reached.unreadable += max(0, waiting.rows - self.reached.rows)
            log().warning("traffic records cannot be read", output=self.name, error=str(error))
        waiting.path.unlink(missing_ok=True)
        self.reached.file, self.reached.rows = "", 0
        self._save()
        return True

    def _batches(self, waiting: Waiting) -> Iterator[Batch]:
        """The unsettled rows of a file."""
        batch, room = Batch(), self.options.batch_kib << 10
        for number, entry in enumerate(self._entries.of(waiting.table, rows_of(waiting)), 1):
            if number <= self.reached.rows:
                continue
            if entry is None:
                batch.filtered += 1
            else:
                batch.add(entry, time.monotonic())
            if batch.count >= self.options.batch_events or batch.size >= room:
                yield batch
                batch = Batch()
        if batch.count or batch.filtered:
            yield batch

    def _sent(self, batch: Batch) -> bool:
        rows = batch.count + batch.filtered
        while not self.sender.deliver(batch):
            if self._stopping.is_set() or (self._once and self.sender.backoff.tries >= ONCE_TRIES):
                return False
            self._stopping.wait(min(max(self.sender.wait_s, 0.01), POLL_S))
        reached = self.reached
        reached.rows += rows
        reached.delivered += batch.delivered
        reached.filtered += batch.filtered
        reached.refused += batch.refused
        self._save()
        return True

    def _found(self) -> DeliveryPosition:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=DeliveryPosition)
        except (OSError, msgspec.DecodeError):
            return DeliveryPosition()

    def _save(self) -> None:
        """If it cannot be written, delivery continues: some rows may be sent again after a crash."""
        try:
            replace_file(self._path, msgspec.json.encode(self.reached) + b"\n", durable=False)
        except OSError as error:
            self.sender.error, self.sender.error_at = f"the position cannot be stored: {error.strerror}", time.time()

    def _log_fault(self, fault: Fault) -> None:
        log().error("an internal error", unit=fault.unit, error=fault.error, place=fault.place)
