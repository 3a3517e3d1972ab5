"""The analysis of an uploaded capture: `sensor replay` as a child process with limits of memory and time."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, NamedTuple

from sensor.core.reader import clean
from sensor.datasets.card import read_card
from sensor.eventlog.paths import DATASETS

TICK_S = 0.5
# The child takes the lowest priority, so that pages answer meanwhile, and limits its own address space and processor
# time where the unit lets it; the parent watches both as well.
_CHILD = (
    "import contextlib, os, resource, sys\n"
    "space, seconds = int(sys.argv[1]), int(sys.argv[2])\n"
    "os.nice(19)\n"
    "for what, most in ((resource.RLIMIT_AS, space), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):\n"
    "    with contextlib.suppress(OSError, ValueError):\n"
    "        resource.setrlimit(what, (most, most))\n"
    "os.execv(sys.executable, [sys.executable, '-m', 'sensor', *sys.argv[3:]])\n"
)
_PAGE = resource.getpagesize()


class Limits(NamedTuple):
    """``memory``: bytes of the child, of its address space four times as many; ``seconds``: until it must be over."""

    memory: int = 1 << 30
    seconds: float = 7200.0


LIMITS = Limits()


def analyze(capture: Path, dataset: str, state: Path, limits: Limits) -> str:
    """Make a dataset of a capture; empty where that went well, else why not, for people."""
    evidence = state / DATASETS / dataset / "evidence"
    words = [
        "replay",
        str(capture),
        "--name",
        dataset,
        "--evidence",
        str(evidence),
        "--json",
        "--log-format",
        "console",
    ]
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(limits.memory * 4), str(int(limits.seconds) + 1), *words],
            env={**os.environ, "SENSOR_STATE": str(state)}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=errors,
        )  # fmt: skip
        fault = _watched(child, limits) or (_reason(errors) if child.returncode else "")
    if fault:
        _discard(state / DATASETS / dataset, capture)
    return fault


def _discard(folder: Path, capture: Path) -> None:
    """What a failed analysis left: the dataset, if it is of this capture, or a folder with nothing in it."""
    card = read_card(folder)
    if card is not None and card.captures == [str(capture.resolve())]:
        shutil.rmtree(folder, ignore_errors=True)
    for empty in (folder / "evidence", folder):
        with contextlib.suppress(OSError):
            empty.rmdir()


def _watched(child: subprocess.Popen[bytes], limits: Limits) -> str:
    """Wait for the child; end it where it takes too much."""
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
            fault = f"The analysis took longer than {limits.seconds:,.0f} seconds and was ended."
        elif _resident(child.pid) > limits.memory:
            fault = f"The analysis took more than {limits.memory >> 20:,} MiB of memory and was ended."
        if fault:
            child.kill()
            child.wait()
            return fault


def _resident(pid: int) -> int:
    """Bytes of memory that a process takes; 0 where that is not known."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _reason(errors: IO[bytes]) -> str:
    """The last lines that the child wrote: the reason why it ended."""
    errors.seek(0, os.SEEK_END)
    errors.seek(max(0, errors.tell() - 4000))
    lines = [clean(line) for line in errors.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return " ".join(lines[-3:]) or "The analysis failed without a reason."
