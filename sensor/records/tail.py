"""The tail: the data that the engine delivers, in append-only files. In live runs the engine never waits for the
disk: a thread writes, and data without room is dropped and counted. A replay waits, so that nothing is missing.

While a run writes a file it holds a lock on it; a process that gets the lock knows that the file is complete.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import queue
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sensor.records.block import CONTEXT_BLOCK, block

FOLDER = "tail"
SUFFIX, FRESH = ".tail", ".fresh"
FILE_MIB = 32
# Blocks that may wait, MiB of disk space that must stay free, and MiB that the tail may take without a reader.
WAITING, RESERVE_MIB, UNREAD_MIB = 64, 256, 2048
MIB = 1 << 20


class Tail:
    """``put`` hands data over; ``dropped`` is called with the number of lost rows, ``complain`` with disk errors."""

    def __init__(
        self,
        folder: Path,
        context: dict[str, Any],
        *,
        wait: bool,
        dropped: Callable[[int], None],
        complain: Callable[[str], None],
        file_mib: float = FILE_MIB,
    ) -> None:
        """``folder``: of the records; ``context``: of the run; ``wait``: for replays. Raises OSError if nothing can be
        written there.
        """
        self.folder = folder / FOLDER
        self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._context, self._wait, self._dropped, self._complain = context, wait, dropped, complain
        self._limit = int(file_mib * MIB)
        self._run = f"{time.time_ns():020}-{secrets.token_hex(4)}"
        self._number, self._fd, self._size = 0, -1, 0
        self._waits = False
        self._queue: queue.Queue[tuple[bytes, int, int] | None] = queue.Queue(WAITING)
        self._open()
        self._thread = threading.Thread(target=self._work, name="records-tail", daemon=True)
        self._thread.start()

    def put(self, sections: bytes, now: int, rows: int) -> None:
        """Add the rows of one or several batches. ``now``: packet time, ns."""
        try:
            self._queue.put((sections, now, rows), block=self._wait)
        except queue.Full:
            self._dropped(rows)

    def close(self, seconds: float | None = None) -> None:
        """Write the waiting data, within ``seconds``."""
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=seconds)
        self._thread.join(seconds)
        if not self._thread.is_alive() and self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _work(self) -> None:
        while (given := self._queue.get()) is not None:
            sections, now, rows = given
            try:
                self._write(block(sections, now))
            except OSError as error:
                self._dropped(rows)
                self._fault(f"traffic records are not written: {error.strerror or error}: {self.folder}")
            else:
                if self._waits:
                    self._waits = False
                    self._complain("traffic records are written again")

    def _fault(self, message: str) -> None:
        """Report an error once when it begins."""
        if not self._waits:
            self._waits = True
            self._complain(message)

    def _write(self, data: bytes) -> None:
        """Write a block completely, or nothing of it."""
        if self._fd < 0 or self._size + len(data) > self._limit:
            self._open()
        if not self._wait and shutil.disk_usage(self.folder).free < RESERVE_MIB * MIB:
            raise OSError(0, f"less than {RESERVE_MIB} MiB free")
        try:
            _write_all(self._fd, data)
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise
        self._size += len(data)

    def _open(self) -> None:
        """Begin the next file, with the context as its first block."""
        if not self._wait and (size := unread(self.folder)) > UNREAD_MIB * MIB:
            raise OSError(0, f"{size >> 20} MiB pending: is the unit sensor-records running?")
        path = self.folder / f"{self._run}-{self._number:06}{SUFFIX}"
        fresh = path.with_suffix(FRESH)
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o640)
        fcntl.flock(
            fd, fcntl.LOCK_EX
        )  # locked before it gets its name: otherwise a reader could take it for an abandoned file
        head = block(json.dumps(self._context | {"file": self._number + 1}).encode(), 0, CONTEXT_BLOCK)
        try:
            _write_all(fd, head)
            fresh.rename(path)
        except OSError:
            os.close(fd)
            fresh.unlink(missing_ok=True)
            raise
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._number, self._size = fd, self._number + 1, len(head)


def _write_all(fd: int, data: bytes) -> None:
    """A single write may stop early, for example on a disk that is nearly full."""
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def given_up(path: Path) -> bool:
    """Whether a file is complete: its run has ended, or continued with the next file."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(fd)


def unread(folder: Path) -> int:
    """Bytes in the tail's folder. Files that are deleted meanwhile do not count."""
    size = 0
    for path in folder.glob(f"*{SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):
            size += path.stat().st_size
    return size
