"""What a run handed over and no process wrote yet: written by who reads the records, where it may and no other process
does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sensor.records.tail_reader import files


def write_waiting(folder: Path, complain: Callable[[str], None]) -> str:
    """Write it. Returns why the newest records are missing; empty where they are not. ``complain`` gets what is
    damaged.
    """
    if not files(folder):
        return ""
    from sensor.records.writer import FAILURES, Busy, Writer

    try:
        writer = Writer(folder, complain)
    except Busy:
        return ""
    except FAILURES as error:
        return f"the newest records are missing: {error}"
    try:
        writer.write()
    except FAILURES as error:
        return f"the newest records are missing: {error}"
    finally:
        writer.close()
    return ""
