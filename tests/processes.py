"""Detects from the system's process state, not from the clock, that a program of a test waits."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

SAMPLES, APART_S, TIMEOUT_S = 5, 0.02, 60.0


def wait_until_idle(process: subprocess.Popen[bytes]) -> None:
    """Returns once the process sleeps in several consecutive samples: it has started, and waits. Without a free core it
    is runnable, and does not sleep.
    """
    end, asleep = time.monotonic() + TIMEOUT_S, 0
    while asleep < SAMPLES:
        assert process.poll() is None, "it ended"
        assert time.monotonic() < end, "it never waits"
        time.sleep(APART_S)
        state = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0]
        asleep = asleep + 1 if state == "S" else 0
