"""The state of the outputs that read the log of a dataset, as their forwarder last wrote it beside the log."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sensor.delivery.status import SUFFIX, Status, load_status
from sensor.eventlog.segments import cursors_of

# A running forwarder writes a status every ten seconds.
SILENT_S = 60.0
OUTPUTS_MOST = 200


class OutputState(msgspec.Struct, frozen=True):
    """``silent``: no process delivers now, so that the figures are the last ones; ``waiting``: events and traffic
    records that are not delivered yet; ``refused``: those that the receiver did not accept; ``last``: time of the last
    delivery, ns, 0 if there was none; ``error``: the last one, empty while it delivers.
    """

    name: str
    type: str
    state: str
    silent: bool
    delivered: int
    waiting: int
    refused: int
    missing: int
    last: int
    error: str


def output_states(log: Path, now: float) -> list[OutputState]:
    """In the order of their names. ``now``: seconds since the epoch."""
    paths = sorted(cursors_of(log).glob(f"*{SUFFIX}"))[:OUTPUTS_MOST]
    found = (load_status(log, path.name.removesuffix(SUFFIX)) for path in paths)
    return [_state(one, now) for one in found if one is not None]


def _state(status: Status, now: float) -> OutputState:
    works = status.state in ("delivering", "idle") and not status.failing_since
    return OutputState(
        status.name,
        status.type,
        "stalled" if status.stalled(now) else status.state,
        now - status.written > SILENT_S,
        status.delivered + status.records_delivered,
        status.pending + status.records_pending,
        status.refused + status.records_refused,
        status.missing + status.records_dropped,
        int(status.last_delivered * 1e9),
        "" if works else status.failure or status.records_error,
    )
