"""The process that writes traffic records: the unit ``sensor-records``, or a child of a replay that ends with it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sensor.records.installed import installed
from sensor.records.tail import FOLDER, MIB, unread

# Seconds between two files, and between two looks at what is too old.
EVERY_S, UPKEEP_S = 10.0, 60.0
# What Arrow and the C library keep of freed memory, and how many threads they start, is small beside a replay.
SMALL = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
# Of a replay: so much is written by a process beside it, what is less when it is over.
ASIDE_MIB = 16


def follow(
    folder: Path, days: float, gib: float, complain: Callable[[str], None], stopped: Callable[[float], bool]
) -> None:
    """Write until stopped. ``stopped`` waits for so many seconds at most. Busy, ManifestError, OSError."""
    from sensor.records.forget import carry_out
    from sensor.records.upkeep import Upkeep
    from sensor.records.writer import Writer

    writer = Writer(folder, complain)
    upkeep, due = Upkeep(writer, days, gib), 0.0
    try:
        while True:
            over = stopped(EVERY_S)
            writer.write()
            carry_out(writer)
            if time.monotonic() >= due:
                due = time.monotonic() + UPKEEP_S
                upkeep.run()
            if over:
                return
    finally:
        writer.close()


def finish(folder: Path, gib: float, complain: Callable[[str], None]) -> None:
    """Write what a replay left, whole. Where the power fails meanwhile the capture is replayed once more."""
    from sensor.records.upkeep import Upkeep
    from sensor.records.writer import Writer

    writer = Writer(folder, complain, durable=False)
    try:
        writer.write(final=True)
        Upkeep(writer, None, gib).run(final=True)
    finally:
        writer.close()


class Aside:
    """Of a replay: the process that writes its records, so that memory and time of the engine stay its own. It starts
    once there are many, else at the end.
    """

    def __init__(self, folder: Path, gib: float, complain: Callable[[str], None]) -> None:
        self.folder, self._complain = folder, complain
        self._command = [sys.executable, "-m", "sensor.records.process", str(folder), str(gib)]
        self._child: subprocess.Popen[bytes] | None = None
        self._batches = 0

    def look(self) -> None:
        """Now and then: whether it is worth a process."""
        self._batches += 1
        if self._child is None and self._batches % 16 == 0 and unread(self.folder / FOLDER) > ASIDE_MIB * MIB:
            self._start()

    def end(self) -> None:
        """The replay is over: write the rest, and wait for it."""
        child = self._child or self._start()
        child.communicate()
        if child.returncode:
            self._complain(f"writing the traffic records in {self.folder} ended with exit code {child.returncode}")

    def _start(self) -> subprocess.Popen[bytes]:
        self._child = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | SMALL,
        )
        return self._child


def main(folder: Path, gib: float) -> int:
    """Beside a replay: write whenever there is much, and the rest once standard input ends."""
    from sensor.records.writer import Writer

    writer = Writer(folder, _complain, durable=False)
    try:
        while not select.select([sys.stdin], [], [], 0.5)[0]:
            if writer.waiting() > ASIDE_MIB * MIB:
                writer.write()
    finally:
        writer.close()
    finish(folder, gib, _complain)
    return 0


def _complain(line: str) -> None:
    sys.stderr.write(f"sensor: {line}\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2])) if installed() else 1)
