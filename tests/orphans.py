"""Programs that outlive the process that started them: those of an interrupted test run."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def adopt() -> None:
    """From now on, programs whose parent ends become children of this process (prctl(2)). Only Linux has this; other
    systems leave them running.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end() -> None:
    """End all children of this process, and those that their ends leave behind."""
    while children := _children():
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in children:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _children() -> list[int]:
    """Process ids; empty where the system has no /proc."""
    own, found = str(os.getpid()), list[int]()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            if path.read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()[1] == own:
                found.append(int(path.parent.name))
    return found
