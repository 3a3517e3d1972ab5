"""Data that a run delivered and no process has written yet: the reader of the records writes it, if it has permission
and no other process does.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from sensor.records.installed import MISSING, installed
from sensor.records.tail_reader import files


def write_waiting(folder: Path, complain: Callable[[str], None]) -> str:
    """Write the waiting data, and rebuild a lost manifest. Returns why the newest records are missing; empty if they
    are not. ``complain`` gets damage.
    """
    if not files(folder) and not _is_lost(folder):
        return ""
    if not installed():
        return f"the newest records are missing: writing them {MISSING}"
    from sensor.records.writer import FAILURES, Busy, Writer, reason_of

    try:
        writer = Writer(folder, complain)
    except Busy:
        return ""
    except FAILURES as error:
        return f"the newest records are missing: {reason_of(error)}"
    try:
        writer.write()
    except FAILURES as error:
        return f"the newest records are missing: {reason_of(error)}"
    finally:
        writer.close()
    return ""


def _is_lost(folder: Path) -> bool:
    """Whether the manifest has to be rebuilt."""
    if not installed():
        return False
    from sensor.records.recovery import is_lost

    return is_lost(folder)


def write_waiting_aside(folder: Path, seconds: float) -> None:
    """The same in a separate process, for the engine, which does not load Arrow. Data not written within ``seconds`` is
    written next time.
    """
    if not files(folder):
        return
    command = [sys.executable, "-m", "sensor.records.waiting", str(folder)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True) as child:
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()


if __name__ == "__main__":
    with contextlib.suppress(OSError):  # a systemd unit may forbid it
        os.nice(10)
    sys.exit(1 if write_waiting(Path(sys.argv[1]), lambda _: None) else 0)
