"""All batches of a log. With two processors, another process reads and decodes the log, while this one stores its
previous batch.

The other process holds one batch and writes it to a pipe, so that memory is limited to two batches. If it ends early,
or does not start, this process reads the rest itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, suppress
from pathlib import Path
from typing import IO

import msgspec

from sensor.core.collection import no_collection
from sensor.tables.batch import Batch, batch_of
from sensor.tables.record_cursor import RecordCursor

# Limits of a batch.
LINES, SIZE = 5_000, 16 << 20
# A batch is preceded by its length in this many bytes; length 0 is the end.
_LENGTH = 8
# Of the pipe: what any user may have on Linux. The default of 64 KiB makes the two processes wait for each other.
PIPE = 1 << 20

_encode = msgspec.msgpack.Encoder().encode
_BATCH = msgspec.msgpack.Decoder(Batch)


def batches(log: Path) -> Generator[Batch]:
    """The batches from the beginning of a log to its current end; must be closed. Raises OSError if the log cannot be
    read.
    """
    seq, whole = 0, False
    if processors() > 1:
        with suppress(OSError), closing(_ChildProcess(log)) as beside:
            while (batch := beside.next()) is not None:
                yield batch
                seq = batch.seq
            whole = beside.whole
    if not whole:
        yield from _read(log, seq)


def _read(log: Path, after: int) -> Generator[Batch]:
    """The batches after a number."""
    with closing(RecordCursor(log, after)) as cursor:
        while taken := cursor.records(LINES, SIZE):
            yield batch_of(taken)


def processors() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


class _ChildProcess:
    """The other process. ``whole``: it returned all batches."""

    def __init__(self, log: Path) -> None:
        """Raises OSError if it cannot be started."""
        self.whole = False
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "sensor.tables.batches", str(log)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pipesize=PIPE,
        )

    def next(self) -> Batch | None:
        """The next batch; None at the end."""
        if self._child.stdout is None:
            return None
        head = self._child.stdout.read(_LENGTH)
        length = int.from_bytes(head, "big")
        self.whole = len(head) == _LENGTH and not length
        text = self._child.stdout.read(length)
        return _BATCH.decode(text) if length and len(text) == length else None

    def close(self) -> None:
        """End the process."""
        self._child.kill()
        self._child.communicate()


def write_batches(log: Path, out: IO[bytes]) -> None:
    """Write the batches of a log, each with its length. Raises OSError."""
    with no_collection():
        for batch in _read(log, 0):
            text = _encode(batch)
            out.write(len(text).to_bytes(_LENGTH, "big"))
            out.write(text)
        out.write(bytes(_LENGTH))
        out.flush()


if __name__ == "__main__":
    with suppress(OSError):  # the reading process continues alone, or has ended
        write_batches(Path(sys.argv[1]), sys.stdout.buffer)
