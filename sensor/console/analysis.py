"""The analysis of an uploaded capture: `sensor replay` as a child process with limits of memory and time."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from sensor.console.child import Limits, run
from sensor.datasets.card import read_card
from sensor.eventlog.paths import DATASETS

LIMITS = Limits()


def analyze(capture: Path, dataset: str, state: Path, limits: Limits, config: Path | None = None) -> str:
    """Analyze a capture into a dataset, with the configuration of the console. Returns an empty text on success,
    otherwise the reason for the user.
    """
    evidence = state / DATASETS / dataset / "evidence"
    arguments = ["replay", str(capture), "--name", dataset, "--evidence", str(evidence), "--json"]
    fault = run([*arguments, "--log-format", "console", "--config", str(config or os.devnull)], state, limits).fault
    if fault:
        _discard(state / DATASETS / dataset, capture)
    return fault


def _discard(folder: Path, capture: Path) -> None:
    """Remove what a failed analysis left: the dataset if it belongs to this capture, or an empty folder."""
    card = read_card(folder)
    if card is not None and card.captures == [str(capture.resolve())]:
        shutil.rmtree(folder, ignore_errors=True)
    for empty in (folder / "evidence", folder):
        with contextlib.suppress(OSError):
            empty.rmdir()
