"""The office capture, replayed once in a run by the process that needs it first."""

from __future__ import annotations

import contextlib
import fcntl
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sensor.cli.main import main

PCAPS = Path(__file__).resolve().parents[1] / "pcaps"
EVENTS = 144  # of the office with its threat list
CAPTURE = [str(PCAPS / "office.pcapng"), "--intel", str(PCAPS / "office.intel.txt")]


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that all processes of a run share, read-only. ``make`` creates its contents."""
    folder = factory.getbasetemp() / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            begun = factory.mktemp(name)
            make(begun)
            begun.rename(folder)
    return folder


def replayed_office(factory: pytest.TempPathFactory, *, evidence: bool = False) -> Path:
    """The state folder of a replay of the office with its threat list: ``events.jsonl``, inventory, records; with
    ``evidence`` also the packets of its alerts. Read-only.
    """

    def replay(folder: Path) -> None:
        packets = ["--evidence", str(folder / "evidence")] if evidence else []
        with contextlib.redirect_stdout(io.StringIO()):
            assert main(["replay", *CAPTURE, "--state", str(folder), *packets]) == 0

    return made_once(factory, "office-evidence" if evidence else "office-replayed", replay)


def copy_of_office(factory: pytest.TempPathFactory, *, evidence: bool = False) -> Path:
    """A copy of it in another folder."""
    return Path(shutil.copytree(replayed_office(factory, evidence=evidence), factory.mktemp("office") / "state"))
