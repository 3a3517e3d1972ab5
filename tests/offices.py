"""The office capture as a sensor knows it, replayed once in a run, whichever process needs it first."""

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
CAPTURE = [str(PCAPS / "office.pcapng"), "--intel", str(PCAPS / "office.intel.txt")]


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that all processes of a run share, for reading only. ``make`` fills it."""
    folder = factory.getbasetemp() / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            begun = factory.mktemp(name)
            make(begun)
            begun.rename(folder)
    return folder


def replayed_office(factory: pytest.TempPathFactory, *, evidence: bool = False) -> Path:
    """The state folder of a replay of the office with its list of threats: ``events.jsonl``, inventory, records; with
    ``evidence`` the packets of its alerts too. For reading only.
    """

    def replay(folder: Path) -> None:
        packets = ["--evidence", str(folder / "evidence")] if evidence else []
        with contextlib.redirect_stdout(io.StringIO()):
            assert main(["replay", *CAPTURE, "--state", str(folder), *packets]) == 0

    return made_once(factory, "office-evidence" if evidence else "office-replayed", replay)


def copy_of_office(factory: pytest.TempPathFactory, *, evidence: bool = False) -> Path:
    """The same in a folder of its own."""
    return Path(shutil.copytree(replayed_office(factory, evidence=evidence), factory.mktemp("office") / "state"))
