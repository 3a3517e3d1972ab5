"""Dead letters: records that a destination permanently rejected, each with its response, in ``<log>.dead/NAME.jsonl``.
Operators can inspect them and send them again.

At most two files of ``SIZE`` per output: the older is deleted when the newer is full. A letter is stored once and
completely: a partial one after a crash or on a full disk is removed, because its record is not settled and is sent
again.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sensor.core.reader import clean
from sensor.core.record_parts import time_text
from sensor.delivery.position import sync_folder

SIZE = 16 << 20
ANSWER_LIMIT = 500
# Longest letter: records are at most 64 KiB.
LOOK = 1 << 18

Letters = Sequence[tuple[int, Mapping[str, Any], str]]
"""Records by number, with the response."""


def dead_of(log: Path) -> Path:
    """The folder of a log's dead letters."""
    return log.with_suffix(".dead")


class DeadLetters:
    """Dead letters of one output."""

    def __init__(self, log: Path, name: str, size: int = SIZE) -> None:
        self.path = dead_of(log) / f"{name}.jsonl"
        self._size = size

    def add(self, letters: Letters) -> None:
        """Store records durably. Raises OSError with the path; the records are then not settled."""
        now = time_text(time.time_ns())
        rejected = (
            {"refused": now, "seq": seq, "answer": clean(answer, ANSWER_LIMIT), "record": record}
            for seq, record, answer in letters
        )
        lines = [msgspec.json.encode(one) + b"\n" for one in rejected]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            while lines:
                self._append(lines)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from None

    def _append(self, lines: list[bytes]) -> None:
        """Write as many lines as fit, and remove them from the list; start another file if none fits."""
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            whole = _cut_torn(file)
            if whole and whole + len(lines[0]) > self._size:
                self.path.replace(self.path.with_name(self.path.name + ".1"))
                return
            fitting = list(_fitting(lines, self._size - whole))
            _write(file, b"".join(fitting), whole)
            if not whole:
                sync_folder(self.path.parent)
            del lines[: len(fitting)]
        finally:
            os.close(file)


def _fitting(lines: Sequence[bytes], room: int) -> Iterator[bytes]:
    """The first lines that fit, at least one."""
    yield lines[0]
    room -= len(lines[0])
    for line in lines[1:]:
        room -= len(line)
        if room < 0:
            return
        yield line


def _write(file: int, data: bytes, whole: int) -> None:
    """Write all of it durably, or nothing: on failure the file has its previous length."""
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(file, left) :]
        os.fdatasync(file)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(file, whole)
        raise


def _cut_torn(file: int) -> int:
    """Remove an incomplete last line; returns the remaining length."""
    size = os.fstat(file).st_size
    start = max(0, size - LOOK)
    whole = start + os.pread(file, size - start, start).rfind(b"\n") + 1
    if whole < size:
        os.ftruncate(file, whole)
    return whole
