"""Upstream: status of the outputs of a live run, which `sensor forward`, a separate process, writes beside the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sensor.delivery.status import load_status
from sensor.engine.health import Upstream

# A running forwarder writes its status every ten seconds.
SILENT_S = 60.0
NOT_DELIVERING = "`sensor forward` is not running, or uses another configuration"


class Outputs:
    """The outputs of a configuration. ``began``: start of the run, seconds since the epoch; before it, no delivery was
    due.
    """

    def __init__(self, names: Sequence[str], began: float) -> None:
        self._began: dict[str, float] = {}
        self._offset: float | None = None
        self.watch(names, began)

    def watch(self, names: Sequence[str], now: float) -> None:
        """Set the outputs; new ones start ``now``."""
        self._began = {name: self._began.get(name, now) for name in names}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._began)

    def look(self, log: Path, now: float, clock: float) -> Iterator[Upstream]:
        """The status of each, ``now`` in seconds since the epoch. ``clock``: monotonic time in seconds: after a jump of
        the wall clock, all delays are measured from then on.
        """
        offset, before, self._offset = now - clock, self._offset, now - clock
        if before is not None and abs(offset - before) > SILENT_S:
            self._began = dict.fromkeys(self._began, now)
        for name, began in self._began.items():
            status = load_status(log, name)
            if status is None:
                yield Upstream(name, began, NOT_DELIVERING, 0)
            elif abs(now - status.written) > SILENT_S:  # a future time is from before a clock correction
                written = status.written if status.written <= now else 0.0
                yield Upstream(name, max(written, began), NOT_DELIVERING, status.pending)
            else:
                yield Upstream(name, status.failing_since, status.failure, status.pending)
