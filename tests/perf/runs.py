"""Whole runs of programs, measured: CPU seconds, wall time and peak memory of each, and ratios of programs that run in
turns.

Runs alternate, A B A B: a machine that is shared or throttled slows both down alike, and ratios are computed per pair.
CPU seconds (user and system) are compared.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from statistics import median
from typing import NamedTuple

# As when installed: modules are compiled by an earlier run.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Run(NamedTuple):
    """One finished process: seconds of CPU, of wall time, peak resident memory in MB (10**6 bytes), and its output."""

    cpu: float
    wall: float
    peak: float
    text: bytes = b""


def once(command: list[str]) -> Run:
    """Run a command. CalledProcessError if it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENVIRONMENT
    )
    assert process.stdout is not None
    with process.stdout:
        text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=text[-2000:])
    return Run(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024 / 1e6, text[-100_000:])


def in_turns(commands: Mapping[str, list[str]], runs: int) -> dict[str, list[Run]]:
    """Each command once per round, ``runs`` rounds."""
    done: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            done[name].append(once(command))
    return done


class Ratio(NamedTuple):
    """How many times as fast one is as the other, over all pairs."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, slow: list[float], fast: list[float]) -> Ratio:
        """Seconds of both, run by run."""
        each = [one / max(other, 1e-9) for one, other in zip(slow, fast, strict=True)]
        return cls(median(each), min(each), max(each))

    def __str__(self) -> str:
        return f"{self.median:.2f} × ({self.least:.2f} to {self.most:.2f})"


def cpu(runs: list[Run], startup: float = 0.0) -> list[float]:
    """CPU seconds of each run, minus those of a start."""
    return [max(run.cpu - startup, 1e-6) for run in runs]


def middle(runs: list[Run]) -> Run:
    """The medians of CPU and wall time; peak memory is the largest of all."""
    return Run(median(run.cpu for run in runs), median(run.wall for run in runs), max(run.peak for run in runs))


def in_words(per_second: float) -> str:
    return f"{per_second / 1e6:.2f} M packets/s" if per_second >= 1e6 else f"{per_second / 1e3:.0f} k packets/s"
