"""The process that writes traffic records: the unit ``sensor-records``, or a child process of a replay."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sensor.records.installed import installed
from sensor.records.tail import MIB

# Seconds between two files, and between two rounds of upkeep.
EVERY_S, UPKEEP_S = 10.0, 60.0
# Limits on freed memory kept by Arrow and the C library, and on their threads, because a replay needs most of the
# memory.
SMALL = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
# In a replay, a child process processes whenever this much waits, so that little is left at the end, for which the
# replay waits.
ASIDE_MIB = 2
# Written to the child process once there is a folder to read from.
BEGIN = b"\n"


def follow(
    folder: Path, days: float, gib: float, complain: Callable[[str], None], stopped: Callable[[float], bool]
) -> None:
    """Write until stopped. ``stopped`` waits at most the given seconds. Raises Busy, ManifestError, OSError."""
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


def write_replay(folder: Path, gib: float, complain: Callable[[str], None], over: Callable[[], bool]) -> None:
    """Write the records of a replay: what waits, until the replay is over, then the rest. They are not synced: after a
    power failure the capture is replayed again. ``over`` waits a moment.
    """
    from sensor.records.upkeep import Upkeep
    from sensor.records.writer import Writer

    writer = Writer(folder, complain, durable=False)
    try:
        made = writer.begin()
        while not over():
            if writer.waiting(made) > ASIDE_MIB * MIB:
                writer.process(made)
        writer.process(made, final=True)
        writer.save(made)
        Upkeep(writer, None, gib).run(final=True)
    finally:
        writer.close()


class RecordsProcess:
    """The child process of a replay that writes its records, so that the engine keeps its memory and time. It loads its
    libraries while the engine is assembled, which takes both about as long.
    """

    def __init__(self, folder: Path, gib: float, complain: Callable[[str], None]) -> None:
        self.folder, self._complain = folder, complain
        self._command = [sys.executable, "-m", "sensor.records.process", str(folder), str(gib)]
        self._child = self._start()

    def begin(self) -> None:
        """There will be records in the folder."""
        if self._child.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it failed: reported at the end
                self._child.stdin.write(BEGIN)
                self._child.stdin.flush()

    def end(self) -> None:
        """The replay is over, or there are no records: write the rest, and wait for it."""
        self._child.communicate()
        if self._child.returncode:
            code = self._child.returncode
            self._complain(f"writing the traffic records in {self.folder} ended with exit code {code}")

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | SMALL,
        )


def main(folder: Path, gib: float) -> int:
    """Main function of the child process: load all libraries, and wait. The replay is over once standard input ends."""
    import numpy.ma  # noqa: F401  pyarrow loads it with the first table

    import sensor.records.upkeep  # noqa: F401
    from sensor.records.writer import FAILURES, reason_of

    if not os.read(sys.stdin.fileno(), len(BEGIN)):
        return 0
    try:
        write_replay(folder, gib, _complain, lambda: bool(select.select([sys.stdin], [], [], 0.2)[0]))
    except FAILURES as error:
        _complain(f"cannot write traffic records in {folder}: {reason_of(error)}")
        return 1
    return 0


def _complain(line: str) -> None:
    sys.stderr.write(f"sensor: {line}\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2])) if installed() else 1)
