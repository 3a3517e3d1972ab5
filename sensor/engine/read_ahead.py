"""Reading ahead: a source and the kernels run in their own thread while the engine processes their results. If the
engine is slow, a capture file waits: only one batch is read ahead, because each takes megabytes. Live sources cannot
wait: a late engine gets fewer and larger batches, since each batch has a fixed cost, and messages are shed before the
ring has to drop packets.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from sensor.capture.source import Source
from sensor.core.batch import Batch
from sensor.core.row_copies import concatenated
from sensor.decode.kernels import Kernels, Work
from sensor.engine.shedding import Shedder

# Batches that may wait for the engine: the kernels are several times faster, and each takes megabytes.
AHEAD = 1
# Rows of a live batch from which on no further batch is appended to it.
JOINED_LIMIT = 8_192

Piece = tuple[Batch, Work]


class ReadAhead:
    """The batches of a source with the results of the kernels, produced in a separate thread. ``shedder``: set for live
    runs, in which empty batches let time pass and the engine must not fall behind for long.
    """

    def __init__(
        self, source: Source, kernels: Kernels, shedder: Shedder | None = None, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """``clock``: ns since the epoch."""
        self._source, self._kernels, self._shedder, self._clock = source, kernels, shedder, clock
        self._queue: queue.Queue[Piece | BaseException | None] = queue.Queue(AHEAD)
        self._thread = threading.Thread(target=self._read, name="read-ahead", daemon=True)
        self._abandoned = False

    def _read(self) -> None:
        last: BaseException | None = None
        try:
            if self._shedder is None:
                self._read_file()
            else:
                self._read_live(self._shedder)
        except BaseException as error:  # noqa: BLE001 - raised again where the batches are taken
            last = error
        self._queue.put(last)

    def _read_file(self) -> None:
        """Read each batch when the engine has taken the one before."""
        for batch in self._source.batches():
            self._queue.put((batch, self._run(batch)))
            del batch  # the engine releases its memory
            self._queue.join()
            if self._abandoned:
                return

    def _read_live(self, shedder: Shedder) -> None:
        """Pass each batch to the engine when the queue has room; batches that must wait are joined into one."""
        waiting: list[Piece] = []
        for batch in self._source.batches():
            if len(batch) or not waiting:
                # before the check: reassembled datagrams give the batch other bytes
                piece = batch, self._work(batch, shedder)
                if waiting and not _fits(waiting, batch):
                    self._queue.put(joined(waiting))
                    waiting = []
                waiting.append(piece)
            if not self._queue.full():
                self._queue.put(joined(waiting))
                waiting = []
            if self._abandoned:
                return
        if waiting:
            self._queue.put(joined(waiting))

    def _work(self, batch: Batch, shedder: Shedder) -> Work:
        if not len(batch):
            return self._kernels.idle(self._clock())
        return shedder.lighten(batch.rows, self._run(batch), self._source.backlog())

    def _run(self, batch: Batch) -> Work:
        work = self._kernels.run(batch.data, batch.rows)
        if work.data is not None:
            batch.data = work.data
        return work

    def __iter__(self) -> Iterator[Piece]:
        self._thread.start()
        while True:
            given = self._queue.get()
            self._queue.task_done()
            if given is None:
                return
            if isinstance(given, BaseException):
                raise given
            yield given

    def abandon(self) -> None:
        """Let the thread end although its batches are no longer taken."""
        self._abandoned = True
        self._source.stop()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.1)
                self._queue.task_done()
            except queue.Empty:
                continue


def _fits(waiting: Sequence[Piece], batch: Batch) -> bool:
    """Whether a batch can be appended to the waiting ones: row offsets are relative to the start of one block of
    bytes.
    """
    return batch.data is waiting[0][0].data and sum(len(one) for one, _ in waiting) < JOINED_LIMIT


def joined(pieces: Sequence[Piece]) -> Piece:
    """Batches over the same bytes joined into one, in order."""
    if len(pieces) == 1:
        return pieces[0]
    batches, works = zip(*pieces, strict=True)
    starts = np.cumsum([0, *map(len, batches)])[:-1].tolist()
    changed = np.cumsum([0, *(len(work.changes) for work in works)])[:-1].tolist()
    changes, ticks = concatenated([work.changes for work in works]), concatenated([work.ticks for work in works])
    changes["row"] += np.repeat(np.array(starts, changes["row"].dtype), [len(work.changes) for work in works])
    for name, steps in (("row", starts), ("first", changed), ("stop", changed)):
        ticks[name] += np.repeat(np.array(steps, ticks[name].dtype), [len(work.ticks) for work in works])
    chosen = np.concatenate([work.chosen + np.int32(start) for work, start in zip(works, starts, strict=True)])
    wanted = np.concatenate([work.wanted for work in works])
    faults = tuple(
        (row + start, fault) for work, start in zip(works, starts, strict=True) for row, fault in work.faults
    )
    for work, start in zip(works, starts, strict=True):
        for messages in work.messages:
            messages.move(start)

    def release() -> None:
        for one in batches:
            one.release()

    rows = concatenated([one.rows for one in batches])
    return Batch(batches[0].data, rows, release), Work(
        changes,
        chosen,
        wanted,
        ticks,
        sum(work.malformed for work in works),
        tuple(messages for work in works for messages in work.messages),
        max(work.newest for work in works),
        faults=faults,
    )
