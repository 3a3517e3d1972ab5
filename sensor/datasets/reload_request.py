"""A request that a running sensor reload its configuration and rules, like SIGHUP. It is a file in the state folder, so
that processes that may not send signals, such as the console, can make one.
"""

from __future__ import annotations

from pathlib import Path

FILE = "reload.request"


def request_reload(folder: Path) -> None:
    """Request a reload from the sensor of a state folder. Raises OSError."""
    path = folder / FILE
    beside = path.with_suffix(".new")
    beside.write_bytes(b"")
    beside.replace(path)


class Requests:
    """Requests since the object was created; older ones are from an earlier run."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._stamp = self._now()

    def requested(self) -> bool:
        """Whether there was a request since the last call. Several count as one."""
        before, self._stamp = self._stamp, self._now()
        return self._stamp != before and self._stamp is not None

    def _now(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns
