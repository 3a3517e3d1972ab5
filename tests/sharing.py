"""What tests of one process share or do in it, where programs do it each time: it takes longer than the tested code."""

from __future__ import annotations

import gc
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from sensor.config import Config, detector_units
from sensor.records.process import SMALL, RecordsProcess, write_replay
from sensor.runtime import assembly, process, recording
from sensor.runtime.assembly import Known


class Within(RecordsProcess):
    """Writes the traffic records of a replay in this process. A child process takes half a second to start, and is
    tested by ``tests/records/test_aside.py``.
    """

    def __init__(self, folder: Path, gib: float, complain: Callable[[str], None]) -> None:
        self.folder, self._gib, self._failed = folder, gib, complain
        self._begun = False

    def begin(self) -> None:
        """All records are written at the end."""
        self._begun = True

    def end(self) -> None:
        if self._begun:
            write_replay(self.folder, self._gib, self._failed, lambda: True)


class Beside(RecordsProcess):
    """The child process of a replay, forked as the replay was."""

    def _start(self) -> subprocess.Popen[bytes]:
        from tests.forked import started

        return started(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | SMALL,
        )


class _Shared:
    """The shipped knowledge about devices, if an operator adds none: loaded once, with its compiled expressions."""

    def __init__(self, read: Callable[[Config], Known]) -> None:
        self._read = read
        self._ours: Known | None = None

    def __call__(self, config: Config) -> Known:
        given = config.fingerprints
        if given.folders or given.oui_registry is not None:
            return self._read(config)
        if self._ours is None:
            self._ours = self._read(config)
            # It lasts as long as this process: garbage collections do not traverse it again.
            gc.collect()
            gc.freeze()
        return self._ours


def share() -> None:
    """Applies to all tests of this process, and to its forked processes."""
    assembly.known = _Shared(assembly.known)
    process.some_frozen = lambda: True  # the objects of the tests are
    recording.RecordsProcess = Within  # type: ignore[misc]


def alone() -> None:
    """For a forked process that is a program of its own: its records are written by a child process."""
    recording.RecordsProcess = Beside  # type: ignore[misc]


def warm() -> None:
    """Loads what takes the first engine of a process a second: knowledge and all units. A
    process that forks others does it once for all.
    """
    detector_units()
    assembly.assemble(Config(), lambda _: None)
