"""A file, or standard output: one payload per line, as JSON lines or in any other format.

The file is opened again if it was moved (logrotate needs no signal). Lines are on disk before a batch is delivered
(``fdatasync``). An incomplete last line after a crash is removed, and lines of an interrupted batch are not written
twice: the file has every record once, unless it is rotated at that time. The connection for traffic records writes the
same file or pipe: each locks it for a repair and a write. Standard output guarantees only order. Compression and
deletion are the task of log rotation.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sensor.core.model import Field
from sensor.core.output import Ack, Entry, Finding, Output, Retry
from sensor.core.output import Options as CommonOptions
from sensor.documents import FilePath

STDOUT = "-"
HASH_BYTES = 16
_STDOUT = threading.Lock()


class Options(CommonOptions):
    """``path``: the file, whose folder is created, or ``-`` for standard output; ``mode``: permissions of a new file,
    octal as in 0640; ``sync``: false lets the system decide when to write.
    """

    path: FilePath
    mode: int = Field(0o640, ge=0, le=0o777)
    sync: bool = True


class File(Output):
    """Lines at the end of a file."""

    Options = Options
    title = "File or standard output (JSON lines)"
    guarantee = "at_least_once"

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        self._file = -1
        self._plain = False
        # Hashes of the last lines when the file was opened: a repeated batch may begin there.
        self._there: frozenset[bytes] = frozenset()

    def open(self) -> None:
        self.close()
        try:
            self._file = os.dup(sys.stdout.fileno()) if self._is_stdout else self._opened()
            self._plain = stat.S_ISREG(os.fstat(self._file).st_mode) and not self._is_stdout
            if self._plain:
                with self._locked():
                    self._repair()
        except OSError as error:
            self.close()
            raise Retry(f"{self.options.path}: {error.strerror}") from None

    def check(self) -> Iterator[Finding]:
        path: Path = self.options.path
        if self._is_stdout:
            yield Finding("permission", "ok", "standard output")
            return
        there = _nearest(path)
        right = os.W_OK if there == path else os.W_OK | os.X_OK
        if there == path and path.is_dir():
            yield Finding("permission", "error", f"{path} is a folder, expected a file")
        elif (there != path and not there.is_dir()) or not os.access(there, right):
            yield Finding(
                "permission",
                "error",
                f"{there} is not writable for this user: change its permissions, or select another file",
            )
        else:
            yield Finding("permission", "ok", f"{path} is writable")

    def send(self, entries: Sequence[Entry]) -> Ack:
        try:
            if self._moved():
                self.open()
            lines = [entry.payload + b"\n" for entry in entries]
            with self._locked():
                self._write(b"".join(line for line in lines if not self._there or _hash(line) not in self._there))
            if self._plain and self.options.sync:
                os.fdatasync(self._file)
        except OSError as error:
            raise Retry(f"{self.options.path}: {error.strerror}") from None
        return Ack()

    def close(self) -> None:
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.close(self._file)
        self._file, self._there = -1, frozenset()

    @property
    def _is_stdout(self) -> bool:
        return bool(self.options.path.name == STDOUT)

    def _opened(self) -> int:
        path: Path = self.options.path
        path.parent.mkdir(parents=True, exist_ok=True)
        # Without O_NONBLOCK, opening a pipe would wait for its reader forever.
        way = os.O_WRONLY | os.O_NONBLOCK if path.is_fifo() else os.O_RDWR | os.O_CREAT
        file = os.open(path, way | os.O_APPEND | os.O_CLOEXEC, self.options.mode)
        os.set_blocking(file, True)
        return file

    def _moved(self) -> bool:
        """Whether the path names another file now, or no file is open."""
        if self._file < 0:
            return True
        if not self._plain:
            return False
        try:
            return not os.path.samestat(Path(self.options.path).stat(), os.fstat(self._file))
        except FileNotFoundError:
            return True

    def _repair(self) -> None:
        """Remove a torn last line, and remember lines that may begin a repeated batch."""
        size = os.fstat(self._file).st_size
        start = max(0, size - 2 * (self.options.batch_kib << 10))
        tail = os.pread(self._file, size - start, start)
        whole = tail.rfind(b"\n") + 1
        if start + whole < size:
            os.ftruncate(self._file, start + whole)
        self._there = frozenset(map(_hash, tail[:whole].splitlines(keepends=True)))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Exclude the other connection of the output: a half-written batch looks like a torn line, and a pipe mixes
        two batches.
        """
        if self._is_stdout:  # its duplicates share the lock of the system
            with _STDOUT:
                yield
            return
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _write(self, data: bytes) -> None:
        """Write all of it; on failure, a regular file has its previous length."""
        size, left = os.fstat(self._file).st_size, memoryview(data)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError:
            if self._plain:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, size)
            raise


def _nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that exists and that this user can see."""
    for one in (path, *path.parents):
        with contextlib.suppress(PermissionError):
            if one.exists():
                return one
    return Path(path.anchor)


def _hash(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=HASH_BYTES).digest()
