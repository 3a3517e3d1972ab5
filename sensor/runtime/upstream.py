"""Upstream: status of the outputs of a live run, as `sensor forward`, a process of its own, writes
it beside the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sensor.delivery.status import load_status
from sensor.engine.health import Upstream

# A running forwarder writes its status every ten seconds.
SILENT_S = 60.0
NOT_DELIVERING = "`sensor forward` does not run, or has another configuration"


class Outputs:
    """The outputs of a configuration. ``began``: when the run began, seconds since the epoch: before, no forwarder had
    to deliver.
    """

    def __init__(self, names: Sequence[str], began: float) -> None:
        self._began: dict[str, float] = {}
        self._offset: float | None = None
        self.watch(names, began)

    def watch(self, names: Sequence[str], now: float) -> None:
        """These and no others; those that are new begin ``now``."""
        self._began = {name: self._began.get(name, now) for name in names}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._began)

    def look(self, log: Path, now: float, clock: float) -> Iterator[Upstream]:
        """Each of them, ``now`` in seconds since the epoch. ``clock``: monotonic seconds: if the wall clock jumped, all
        are measured again from that time.
        """
        offset, before, self._offset = now - clock, self._offset, now - clock
        if before is not None and abs(offset - before) > SILENT_S:
            self._began = dict.fromkeys(self._began, now)
        for name, began in self._began.items():
            status = load_status(log, name)
            if status is None:
                yield Upstream(name, began, NOT_DELIVERING, 0)
            elif now - status.written > SILENT_S:
                yield Upstream(name, max(status.written, began), NOT_DELIVERING, status.pending)
            else:
                yield Upstream(name, status.stalled_since, status.error, status.pending)
