"""What tests of one process share or do within it, where programs make it anew: it costs more than what is tested."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

from sensor.config import Config, model
from sensor.records.process import Aside, finish
from sensor.runtime import assembly, recording
from sensor.runtime.assembly import Known


class Within(Aside):
    """Writes the traffic records of a replay in this process. A program that only starts for them takes half a second,
    and ``tests/records/test_aside.py`` starts it.
    """

    def __init__(self, folder: Path, gib: float, complain: Callable[[str], None]) -> None:
        super().__init__(folder, gib, complain)
        self._gib, self._failed = gib, complain

    def look(self) -> None:
        """All is written at the end."""

    def end(self) -> None:
        finish(self.folder, self._gib, self._failed)


class _Shared:
    """What is known of devices where an operator adds nothing: read once, with the expressions that it compiled."""

    def __init__(self, read: Callable[[Config], Known]) -> None:
        self._read = read
        self._ours: Known | None = None

    def __call__(self, config: Config) -> Known:
        given = config.fingerprints
        if given.folders or given.oui_registry is not None:
            return self._read(config)
        if self._ours is None:
            self._ours = self._read(config)
            # It lasts as long as this process: no collection of garbage traverses it again.
            gc.collect()
            gc.freeze()
        return self._ours


def share() -> None:
    """For all tests of this process, and for the processes that it forks."""
    assembly.known = _Shared(assembly.known)
    recording.Aside = Within  # type: ignore[misc]


def warm() -> None:
    """What the first engine of a process takes a second for: knowledge, the model of the configuration, all units. A
    process that forks others makes them once for all.
    """
    model()
    assembly.assemble(Config(), lambda _: None)
