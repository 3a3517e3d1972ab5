"""Dead letters: records that a destination will never take, each with its answer, in ``<log>.dead/NAME.jsonl``. They are for people, and may be sent again.

At most two files of ``SIZE`` an output: the older goes when the newer is full.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sensor.core.reader import clean
from sensor.core.record_parts import time_text

SIZE = 16 << 20
ANSWER_LIMIT = 500

Letters = Sequence[tuple[int, Mapping[str, Any], str]]
"""Records by number, with the answer."""


def dead_of(log: Path) -> Path:
    """The folder of a log's dead letters."""
    return log.with_suffix(".dead")


class DeadLetters:
    """Of one output."""

    def __init__(self, log: Path, name: str, size: int = SIZE) -> None:
        self.path = dead_of(log) / f"{name}.jsonl"
        self._size = size

    def add(self, letters: Letters) -> None:
        """Keep records, durably. OSError where they cannot be: they are not done with then."""
        now = time_text(time.time_ns())
        told = ({"refused": now, "seq": seq, "answer": clean(answer, ANSWER_LIMIT), "record": record} for seq, record, answer in letters)
        lines = b"".join(msgspec.json.encode(one) + b"\n" for one in told)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._rotate()
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            data = memoryview(lines)
            while data:
                data = data[os.write(file, data) :]
            os.fdatasync(file)
        finally:
            os.close(file)

    def _rotate(self) -> None:
        try:
            full = self.path.stat().st_size >= self._size
        except FileNotFoundError:
            return
        if full:
            self.path.replace(self.path.with_name(self.path.name + ".1"))
