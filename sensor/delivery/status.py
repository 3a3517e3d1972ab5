"""Status of an output, in ``<log>.cursors/NAME.status.json``: for `sensor outputs status`, and for the sensor, which
reports a stalled output.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from sensor.delivery.position import replace_file
from sensor.eventlog.segments import cursors_of

SUFFIX = ".status.json"
STALLED_S = 60.0
State = Literal["starting", "idle", "delivering", "waiting", "stalled", "stopped", "unknown"]


class Status(msgspec.Struct):
    """Numbers are those of the log since its output was first configured: ``read`` = ``delivered`` + ``filtered`` +
    ``refused`` + ``missing`` + ``pending``.

    Times are seconds since the epoch, 0: never. ``state``: *waiting* for the next retry, *stalled* after a minute
    without progress, *unknown* without permission to read it, as are all counts then; ``stalled_since``: since when
    nothing is accepted although events are pending; ``error``: the last error, and its time; ``next_try``; ``written``:
    when this was written, every ten seconds by a running forwarder, whose process is ``pid``. ``records_``: counts of
    traffic records; ``dropped``: those for which there was no room; ``records_stalled_since``, ``records_error``: as
    those of events.
    """

    name: str
    type: str
    state: State = "starting"
    seq: int = 0
    alerts: int = 0
    read: int = 0
    delivered: int = 0
    filtered: int = 0
    refused: int = 0
    missing: int = 0
    pending: int = 0
    tries: int = 0
    last_delivered: float = 0
    stalled_since: float = 0
    error: str = ""
    error_at: float = 0
    next_try: float = 0
    written: float = 0
    pid: int = 0
    records_delivered: int = 0
    records_pending: int = 0
    records_refused: int = 0
    records_dropped: int = 0
    records_error: str = ""
    records_stalled_since: float = 0

    @property
    def failing_since(self) -> float:
        """Since when events or traffic records are not accepted, 0: they are."""
        return min((since for since in (self.stalled_since, self.records_stalled_since) if since), default=0.0)

    @property
    def failure(self) -> str:
        """The last error of what is not accepted; that of events otherwise."""
        if self.stalled_since or not self.records_stalled_since:
            return self.error
        return f"traffic records: {self.records_error}"

    @property
    def is_left(self) -> bool:
        """Whether no forwarder runs although events or traffic records are pending."""
        return self.state == "stopped" and bool(self.pending or self.records_pending)

    def stalled(self, now: float) -> bool:
        """Whether events or traffic records make no progress. ``now``: seconds since the epoch."""
        failing = self.records_stalled_since and self.state != "stopped"
        return self.state == "stalled" or bool(failing and now - self.records_stalled_since >= STALLED_S)


def status_path(log: Path, name: str) -> Path:
    return cursors_of(log) / f"{name}{SUFFIX}"


def load_status(log: Path, name: str) -> Status | None:
    """None if the file is absent or damaged. Without permission to read it, the state is *unknown*."""
    path = status_path(log, name)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Status)
    except PermissionError as error:
        return Status(name, "", "unknown", error=f"{path}: {error.strerror}")
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def save_status(log: Path, status: Status) -> None:
    """Write the status. Raises OSError if it cannot be written."""
    replace_file(status_path(log, status.name), msgspec.json.encode(status) + b"\n", durable=False)
