"""The office capture, replayed once for all pictures: its records, and the output of commands."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from sensor.cli.main import main as sensor

ROOT = Path(__file__).parents[1]
OFFICE, LISTED = ROOT / "pcaps" / "office.pcapng", ROOT / "pcaps" / "office.intel.txt"
WIDTH = 112
# File name of the picture: the command, and how many of its lines are shown.
SCREENS = {
    "alert.svg": (("alerts", "show", "alert-t42g35"), 30),
    "evidence.svg": (("explain", "10.20.10.62"), 20),
    "exposure.svg": (("posture", "device", "10.20.10.62"), 20),
}


class Office(NamedTuple):
    """``records``: of the event log; ``screens``: lines of each command by the name of its picture."""

    records: list[dict[str, Any]]
    screens: Mapping[str, list[str]]


@functools.cache
def office() -> Office:
    """Replays the capture in a temporary folder. RuntimeError if a command fails."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {"COLUMNS": str(WIDTH)}):
        log, config = Path(folder) / "events.jsonl", Path(folder) / "pictures.yaml"
        config.write_text("sensor: {id: office}\n")  # ids of alerts are made of it
        _run(
            "replay",
            str(OFFICE),
            "--intel",
            str(LISTED),
            "--state",
            folder,
            "--events",
            str(log),
            "--config",
            str(config),
        )
        records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        screens = {
            name: list(_screen(command, count, _run(*command, "--state", folder, "--events", str(log))))
            for name, (command, count) in SCREENS.items()
        }
    return Office(records, screens)


def _screen(command: tuple[str, ...], count: int, out: str) -> Iterator[str]:
    """The prompt, and lines as a terminal shows them, without the line that names the dataset."""
    yield f"$ sensor {' '.join(command)}"
    lines = [part for line in out.splitlines() for part in _wrapped(line)]
    yield from lines[:count]
    if len(lines) > count:
        yield "…"


def _wrapped(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False) or [""]


def _run(*words: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = sensor(words)
    if code:
        raise RuntimeError(f"sensor {' '.join(words)} ended with exit code {code}")
    return out.getvalue()
