"""Reading ahead: a source and the kernels in a thread of their own, while the engine works off what they gave. The queue between the two is short: a slow
engine makes a capture file wait, and does without messages of a live ring before the ring has to drop packets.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

from sensor.capture.source import Source
from sensor.core.batch import Batch
from sensor.decode.kernels import Kernels, Work
from sensor.shedding import Shedder

AHEAD = 3


class ReadAhead:
    """Batches of a source with what the kernels make of them, in a thread of its own. ``shedder``: of a live run, in which batches without packets let time
    pass, and whose engine must not fall behind for long.
    """

    def __init__(self, source: Source, kernels: Kernels, shedder: Shedder | None = None) -> None:
        self._source, self._kernels, self._shedder = source, kernels, shedder
        self._queue: queue.Queue[tuple[Batch, Work] | BaseException | None] = queue.Queue(AHEAD if shedder is None else 1)
        self._thread = threading.Thread(target=self._read, name="read-ahead", daemon=True)
        self._abandoned = False

    def _read(self) -> None:
        last: BaseException | None = None
        try:
            for batch in self._source.batches():
                self._queue.put((batch, self._work(batch)))
                if self._abandoned:
                    break
        except BaseException as error:  # noqa: BLE001 - raised again where the batches are taken
            last = error
        self._queue.put(last)

    def _work(self, batch: Batch) -> Work:
        if self._shedder is None:
            return self._kernels.run(batch.data, batch.rows)
        if not len(batch):
            return self._kernels.idle(time.time_ns())
        work = self._kernels.run(batch.data, batch.rows)
        return self._shedder.lighten(batch.rows, work, self._source.backlog())

    def __iter__(self) -> Iterator[tuple[Batch, Work]]:
        self._thread.start()
        while True:
            given = self._queue.get()
            if given is None:
                return
            if isinstance(given, BaseException):
                raise given
            yield given

    def abandon(self) -> None:
        """Let the thread end although nobody takes its batches any more."""
        self._abandoned = True
        self._source.stop()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.1)
            except queue.Empty:
                continue
