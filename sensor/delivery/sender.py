"""Sender: sends batches to one output and follows its result: Ack, Retry with a pause, BatchRejected by halving until
the rejected record is found.

An output that raises another error is retried like after Retry; the batch is halved meanwhile, and a record that fails
repeatedly is rejected: a peer must not block all later records through a bug of ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from sensor.boundary import Boundary
from sensor.core.output import Ack, BatchRejected, Entry, Options, Output, Retry
from sensor.core.reader import clean
from sensor.core.secrecy import masked
from sensor.delivery.batch import Batch
from sensor.delivery.dead_letters import ANSWER_LIMIT, Letters
from sensor.delivery.pace import Backoff, Rate
from sensor.delivery.status import STALLED_S

MESSAGE_LIMIT = 300
# How often an output may fail on one record.
BREAKS = 5

Answer = Ack | Retry | BatchRejected


class _OutputError(Retry):
    """An internal error of the output instead of a result."""


class Sender:
    """``error``: last error, and its time (``error_at``); ``next_try``: time of the next retry; ``failing_since``:
    first failure since the last success; ``sending_since``: start of the current call. Wall clock, 0: never.
    ``again_at`` and ``wait_s``: the next retry, independent of that clock; ``moved_at``: time of the last progress,
    monotonic clock.
    """

    def __init__(
        self,
        output: Output,
        options: Options,
        boundary: Boundary,
        dead: Callable[[Letters], None],
        stopped: Callable[[], bool],
    ) -> None:
        self.output, self.backoff = output, Backoff(options.backoff_s, options.backoff_max_s)
        self.rate = Rate(options.rate, time.monotonic())
        self.error, self.error_at, self.failing_since, self.sending_since, self.last_delivered = "", 0.0, 0.0, 0.0, 0.0
        self.again_at, self.moved_at = 0.0, time.monotonic()
        self.broke, self._broke_by, self._breaks = "", "", 0
        self._boundary, self._dead, self._stopped = boundary, dead, stopped
        self._opened = False

    @property
    def wait_s(self) -> float:
        return max(0.0, self.again_at - time.monotonic())

    def stalled_since(self, now: float) -> float:
        """Since when the destination accepts nothing, 0: it does. ``now``: seconds since the epoch."""
        waits = self.sending_since and now - self.sending_since > STALLED_S
        return self.failing_since or (self.sending_since if waits else 0.0)

    @property
    def next_try(self) -> float:
        wait = self.wait_s
        return time.time() + wait if wait else 0.0

    def deliver(self, batch: Batch) -> bool:
        """Settle the batch; False if it must pause first. Raises OSError if dead letters cannot be stored: nothing is
        sent until they are.
        """
        if batch.letters:
            self._keep(batch)
            self.works()
        while batch.pieces:
            batch.full = True  # a repeat must have the same entries
            if self._stopped() or self.wait_s or not self._may_go(len(batch.pieces[0])):
                return False
            piece = batch.pieces[0]
            answer = self._attempt(piece)
            if isinstance(answer, Retry):
                self.close()
                self.pause(str(answer.args[0]), answer.after_s)
                self._single_out(batch, answer)
            elif isinstance(answer, BatchRejected) and len(piece) > 1:
                batch.halve()
            else:
                self._took(batch, piece, answer)
        return True

    def pause(self, message: str, after_s: float | None = None) -> None:
        """Schedule a retry."""
        self.error, self.error_at = clean(masked(message), MESSAGE_LIMIT), time.time()
        self.failing_since = self.failing_since or self.error_at
        self.again_at = time.monotonic() + self.backoff.failed(after_s)

    def idle(self) -> None:
        """Upkeep of the output while nothing is sent."""
        if not self.wait_s:
            self._boundary.run(f"output {self.output.name}", self._idling)

    def close(self) -> None:
        self._opened = False
        self._boundary.run(f"output {self.output.name}", self._closing)

    def _single_out(self, batch: Batch, answer: Retry) -> None:
        """Find the record on which the output fails. Only one at a time becomes a dead letter, after the usual pauses:
        the output itself may be broken.
        """
        piece = batch.pieces[0]
        self._breaks = self._breaks + 1 if isinstance(answer, _OutputError) and len(piece) == 1 else 0
        if isinstance(answer, _OutputError) and len(piece) > 1:
            batch.halve()
        elif self._breaks == BREAKS:
            self._breaks, tries = 0, self.backoff.tries
            self._took(batch, piece, BatchRejected(str(answer.args[0])))
            self.backoff.tries = tries
            self.pause(str(answer.args[0]))

    def _took(self, batch: Batch, piece: list[Entry], answer: Ack | BatchRejected) -> None:
        if isinstance(answer, BatchRejected):
            answer = Ack(refused={0: str(answer.args[0])})
        refused = {place: reason for place, reason in answer.refused.items() if 0 <= place < len(piece)}
        busy = tuple(sorted({place for place in answer.busy if 0 <= place < len(piece)} - refused.keys()))
        batch.letters += [
            (piece[place].seq, piece[place].record, clean(masked(reason), ANSWER_LIMIT))
            for place, reason in sorted(refused.items())
        ]
        batch.took(len(refused), busy)
        self.rate.sent(len(piece) - len(busy))
        if len(busy) < len(piece):
            self.works()
        if len(refused) + len(busy) < len(piece):
            self.last_delivered = time.time()
        self._keep(batch)
        if busy:
            self.pause(f"busy: it rejected {len(busy):,} of {len(piece):,}")

    def works(self) -> None:
        """The destination answered: an error from now on is the first of its kind."""
        self.backoff.worked()
        self.failing_since, self.again_at = 0.0, 0.0

    def _keep(self, batch: Batch) -> None:
        """Store rejected records. The destination has the others: a failure to store must not cause duplicates."""
        if batch.letters:
            self._dead(batch.letters)
            batch.letters = []

    def _may_go(self, count: int) -> bool:
        wait = self.rate.wait_s(time.monotonic(), count)
        if wait:
            self.again_at = time.monotonic() + wait
        return not wait

    def _attempt(self, piece: list[Entry]) -> Answer:
        """The result of the output, or its internal error."""
        self.broke, self.sending_since, self.moved_at = "", time.time(), time.monotonic()
        results, _ = self._boundary.run(f"output {self.output.name}", self._calls, piece)
        self.sending_since = 0.0
        if results and isinstance(results[0], Ack | Retry | BatchRejected):
            return results[0]
        self._broke_by = self.broke or self._broke_by
        return (_OutputError if self._opened else Retry)(f"an internal error: {self._broke_by}")

    def _calls(self, piece: Sequence[Entry]) -> Iterator[Answer]:
        try:
            if not self._opened:
                self.output.open()
                self._opened = True
        except (Retry, BatchRejected) as answer:
            yield Retry(str(answer.args[0]), getattr(answer, "after_s", None))
            return
        try:
            yield self.output.send(piece)
        except (Retry, BatchRejected) as answer:
            yield answer

    def _idling(self) -> Iterator[None]:
        try:
            self.output.idle()
        except (Retry, BatchRejected):  # the next batch reports why the destination cannot be reached
            self.close()
        yield None

    def _closing(self) -> Iterator[None]:
        self.output.close()
        yield None
