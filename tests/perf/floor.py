"""The floor of the benchmark: a replay of the office may cost at most 15 % more than the figure in ``floor.json``.
``make bench-floor`` calls it.

    python -m tests.perf.floor [--keep]

The cost is counted in instructions of user space (valgrind's cachegrind), which do not depend on other load. Without
valgrind it is CPU seconds, in multiples of a loop measured beside it. Instructions differ between builds of Python, so
each has its figures. The exit code is 0 within the floor, 1 above it, 2 without a figure for this Python, 3 if the
measurement failed; ``--keep`` stores the measurement as the new figure.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.perf.captures import OFFICE
from tests.perf.runs import ENVIRONMENT, once

KEPT = Path(__file__).with_name("floor.json")
ALLOWED = 1.15
# An improvement of this size should be stored: otherwise later regressions are hidden by it.
GAINED = 0.95
PAIRS = 5
LOOP = "x = {}\nfor i in range(6_000_000):\n    x[i & 1023] = (i, str(i))\n"
# Hashes of strings determine the order of sets, and so the work that is done.
SAME_ORDER = {"PYTHONHASHSEED": "0"}
COUNTED = re.compile(rb"I +refs: +([\d,]+)")
UNITS = {"instructions": "million instructions", "loops": "loops"}


def replay(state: Path) -> list[str]:
    """The command whose cost is measured."""
    arguments = ["-m", "sensor", "replay", str(OFFICE), "--intel", str(OFFICE.with_name("office.intel.txt"))]
    return [sys.executable, *arguments, "--state", str(state)]


def instructions(command: list[str]) -> float:
    """Millions of instructions of a command in user space. CalledProcessError if it fails."""
    valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    done = subprocess.run([*valgrind, *command], capture_output=True, check=True, env=ENVIRONMENT | SAME_ORDER)
    counted = COUNTED.search(done.stderr)
    if counted is None:
        raise subprocess.CalledProcessError(0, valgrind, stderr=done.stderr[-2000:])
    return int(counted[1].replace(b",", b"")) / 1e6


def loops(command: list[str], loop: list[str]) -> float:
    """CPU seconds of a command divided by those of a loop: the least of each, of runs in turns."""
    pairs = [(once(command).cpu, once(loop).cpu) for _ in range(PAIRS)]
    return min(ours for ours, _ in pairs) / min(theirs for _, theirs in pairs)


def measure() -> tuple[str, float]:
    """The unit and the cost of the replay. A first run compiles modules and fingerprints and is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        command = replay(Path(folder))
        once(command)
        if shutil.which("valgrind"):
            return "instructions", instructions(command)
        return "loops", loops(command, [sys.executable, "-c", LOOP])


def figures_of() -> str:
    """The key of the figures: ``CPython 3.13.5 (GCC 14.2.0) x86_64``."""
    build = f"{platform.python_version()} ({platform.python_compiler()})"
    return f"{platform.python_implementation()} {build} {platform.machine()}"


def verdict(cost: float, kept: float | None, unit: str, who: str) -> tuple[int, str]:
    """Exit code, and a line with the result."""
    if kept is None:
        return 2, f"unknown: no figure of {who} is kept in {UNITS[unit]}; `make bench-floor ARGS=--keep` measures one"
    ratio = cost / kept
    line = f"{cost:,.2f} {UNITS[unit]}, {ratio - 1:+.1%} of the {kept:,.2f} kept for {who}"
    if ratio > ALLOWED:
        return 1, f"{line}: above the floor of {ALLOWED - 1:+.0%}"
    return 0, f"{line}: within the floor" + ("; keep the gain with ARGS=--keep" if ratio < GAINED else "")


def keep(path: Path, who: str, unit: str, cost: float) -> None:
    """Store a figure, and keep all others."""
    figures = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    figures.setdefault(who, {})[unit] = round(cost, 2)
    path.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None, path: Path = KEPT) -> int:
    """Measure, and compare or store."""
    parser = argparse.ArgumentParser(description="the replay of the office against the cost that is kept")
    parser.add_argument("--keep", action="store_true", help="write what was measured to floor.json")
    requested = parser.parse_args(arguments)
    who = figures_of()
    try:
        unit, cost = measure()
    except subprocess.CalledProcessError as error:
        print(f"the replay failed:\n{os.fsdecode(error.stderr or b'')[-2000:]}", file=sys.stderr)
        return 3
    if requested.keep:
        keep(path, who, unit, cost)
    figures = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    code, line = verdict(cost, figures.get(who, {}).get(unit), unit, who)
    print(f"replay of the office: {line}")
    return code


if __name__ == "__main__":
    sys.exit(main())
