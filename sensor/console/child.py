"""Commands of the sensor as child processes of the console, with limits of memory and time."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

from sensor.core.reader import clean

TICK_S = 0.5
# Limits of the command's output that is read.
OUTPUT_BYTES, ERROR_BYTES = 8 << 20, 4000
_PAGE = resource.getpagesize()


class Limits(NamedTuple):
    """``memory``: bytes that the child may use, with an address space of four times as many; ``seconds``: run time."""

    memory: int = 1 << 30
    seconds: float = 7200.0


class Ended(NamedTuple):
    """``fault``: why the command failed, for the user, empty on success; ``output``: what it printed."""

    fault: str
    output: bytes
    code: int


def run(arguments: Sequence[str], state: Path, limits: Limits, good: Sequence[int] = (0,)) -> Ended:
    """Run `sensor WORD…` on a state folder, confined. ``good``: exit codes that mean success."""
    command = [sys.executable, "-m", "sensor.console.confined", str(limits.memory * 4), str(int(limits.seconds) + 1)]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [*command, *arguments], env={**os.environ, "SENSOR_STATE": str(state)}, stdin=subprocess.DEVNULL,
            stdout=output, stderr=errors,
        )  # fmt: skip
        fault = _watched(child, limits) or (_reason(errors) if child.returncode not in good else "")
        output.seek(0)
        return Ended(fault, output.read(OUTPUT_BYTES), child.returncode)


def _watched(child: subprocess.Popen[bytes], limits: Limits) -> str:
    """Wait for the child; terminate it if it exceeds a limit."""
    until = time.monotonic() + limits.seconds
    while True:
        try:
            child.wait(TICK_S)
        except subprocess.TimeoutExpired:
            pass
        else:
            return ""
        fault = ""
        if time.monotonic() > until:
            fault = f"The analysis took longer than {limits.seconds:,.0f} seconds and was stopped."
        elif _resident(child.pid) > limits.memory:
            fault = f"The analysis took more than {limits.memory >> 20:,} MiB of memory and was stopped."
        if fault:
            child.kill()
            child.wait()
            return fault


def _resident(pid: int) -> int:
    """Resident memory of a process in bytes; 0 if unknown."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _reason(errors: IO[bytes]) -> str:
    """The last lines of the child's standard error: the reason why it ended."""
    errors.seek(0, os.SEEK_END)
    errors.seek(max(0, errors.tell() - ERROR_BYTES))
    lines = [clean(line) for line in errors.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return " ".join(lines[-3:]) or "The command failed without a message."
