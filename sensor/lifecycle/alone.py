"""Exclusive access to the state of a sensor: no sensor or forwarder uses it meanwhile."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator

from sensor.eventlog.segments import cursors_of, folder_of
from sensor.inventory.store.database import Lock
from sensor.lifecycle.places import SensorPaths
from sensor.records.paths import LOCK, records_folder


@contextlib.contextmanager
def alone(places: SensorPaths, *, restoring: bool = False, records: bool = False) -> Iterator[None]:
    """Lock out all writers of the inventory, the log and cursors. Raises StoreError or OSError if there is one.
    ``restoring``: see ``Lock``; ``records``: those of traffic records too.
    """
    further = [records_folder(places.log) / LOCK] if records else []
    lock = Lock(places.state, restoring=restoring)
    with contextlib.ExitStack() as held:
        held.callback(lock.release)
        for path in (folder_of(places.log), *sorted(cursors_of(places.log).glob("*.lock")), *further):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                held.callback(os.close, number)
                try:
                    fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise OSError(
                        errno.EBUSY,
                        "another process uses it: stop `sensor run`, `sensor forward` and `sensor records` first",
                        str(path),
                    ) from None
        yield
