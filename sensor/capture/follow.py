"""Files that are still being written, and folders that receive new files: the files of a rotating writer (``tcpdump
-C``, ``dumpcap -b``) are read as they appear.

A file that is replaced, truncated or deleted is read to its end and closed; a new one of the same name is read from its
beginning. A file that a rotating writer compresses afterwards (``x.pcap`` to ``x.pcap.gz``) has already been read and
is ignored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sensor.capture.blocks import nothing
from sensor.capture.capture_file import CaptureFile
from sensor.capture.merge import MOST_OPEN
from sensor.capture.paths import expand
from sensor.capture.streams import waits
from sensor.core.batch import Batch

PAUSE = 0.05
"""Seconds between two checks of files without new data."""

LOOK = 0.2
"""Seconds between two searches for new files; longer if a search takes long."""

TURN = 8
"""Batches that one file may yield before the others have their turn."""

EVERYTHING = 1 << 30

_PACKED = (".gz", ".zst", ".xz", ".lz4")

Inode = tuple[int, int]


class Follower:
    """Continues to read the files passed to ``take`` and new ones that appear. At most ``MOST_OPEN`` files at once: the
    one without new data for longest counts as complete.
    """

    def __init__(
        self,
        paths: Sequence[str],
        files: Sequence[str],
        start: Callable[[str], CaptureFile | None],
        settle: Callable[[CaptureFile], None],
    ) -> None:
        self.stopped = False
        self._paths, self._start, self._settle = paths, start, settle
        self._known: dict[str, Inode | None] = {path: _inode(path) for path in files}
        self._open: dict[str, CaptureFile] = {}
        self._next_look = 0.0

    def take(self, file: CaptureFile) -> None:
        """Follow an open file that has no more data for now."""
        while len(self._open) >= MOST_OPEN:
            silent = next(iter(self._open.values()))
            silent.end()
            self._let_go(silent)
        self._open[file.path] = file

    def batches(self) -> Iterator[Batch]:
        """Batches until ``stopped``; empty ones while there is no new data."""
        while not self.stopped:
            busy = False
            for file in list(self._open.values()):
                for batch in self._read(file, TURN):
                    busy = True
                    yield batch
            if time.monotonic() >= self._next_look:
                yield from self._look()
            if not busy:
                yield nothing()
                time.sleep(PAUSE)

    def _read(self, file: CaptureFile, most: int) -> Iterator[Batch]:
        """The new data of a file, up to ``most`` batches."""
        while most and not self.stopped:
            batch = file.step()
            if batch is not None:
                most -= 1
                self._open[file.path] = self._open.pop(file.path, file)  # files without new data come first
                yield batch
            elif file.done:
                self._let_go(file)
                return
            elif file.waiting:
                return

    def _look(self) -> Iterator[Batch]:
        """Find new, replaced and deleted files."""
        began = time.monotonic()
        present = {path: _inode(path) for path in expand(self._paths) if not waits(path)}
        for path in [path for path in self._open if path not in present]:
            yield from self._finish(path)
        for path in list(present):
            new = self._known.get(path) != present[path]
            if path in self._open and _replaced(self._open[path], path):
                yield from self._finish(path)
                present[path], new = _inode(path), True  # None: it was deleted since
            if new and present[path] is not None and path not in self._open and not self._packed_again(path):
                yield from self._begin(path)
        self._known = present
        self._next_look = time.monotonic() + max(LOOK, 10 * (time.monotonic() - began))

    def _begin(self, path: str) -> Iterator[Batch]:
        if len(self._open) >= MOST_OPEN:
            yield from self._finish(next(iter(self._open)))
        file = self._start(path)
        if file is not None:
            self.take(file)
            yield from self._read(file, TURN)

    def _finish(self, path: str) -> Iterator[Batch]:
        """Read a file to its current end and close it."""
        file = self._open[path]
        yield from self._read(file, EVERYTHING)
        if not self.stopped:
            file.end()
            self._let_go(file)

    def _let_go(self, file: CaptureFile) -> None:
        self._open.pop(file.path, None)
        self._settle(file)

    def _packed_again(self, path: str) -> bool:
        return path.endswith(_PACKED) and path.rpartition(".")[0] in self._known


def _inode(path: str) -> Inode | None:
    try:
        facts = Path(path).stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def _replaced(file: CaptureFile, path: str) -> bool:
    """Whether the name now belongs to another file, or the file was truncated to be written again."""
    try:
        facts = Path(path).stat()
    except OSError:
        return True
    return (facts.st_dev, facts.st_ino) != file.inode or facts.st_size < file.stream.taken
