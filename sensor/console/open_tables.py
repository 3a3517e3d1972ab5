"""Tables of datasets that stay open between requests: opening them costs more than most pages."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

from sensor.inventory.store.database import FILE
from sensor.views.dataset import Data, open_folder

# Limit of connections that are kept without a request; each has its own cache.
IDLE_MOST = 6
# Folder, and device and inode of its store; None if it does not exist.
_Place = tuple[Path, tuple[int, int] | None]


class OpenTables:
    """Thread-safe. The connections are closed with this object."""

    def __init__(self) -> None:
        self._lock, self._idle = threading.Lock(), list[tuple[_Place, Data]]()
        weakref.finalize(self, _close, self._idle)

    @contextlib.contextmanager
    def opened(self, folder: Path) -> Iterator[Data]:
        """The tables of a folder for one request. Raises NotReadable."""
        place = _place(folder)
        data = self._take(place) or open_folder(folder)
        try:
            yield data
        except BaseException:  # a statement may be unfinished, or the store damaged
            data.close()
            raise
        self._keep(place, data)

    def _take(self, place: _Place) -> Data | None:
        """A connection to this store. Those to stores that were replaced or removed are closed."""
        with self._lock:
            replaced = [one for one in self._idle if one[0] != _place(one[0][0])]
            found = next((one for one in reversed(self._idle) if one[0] == place and one not in replaced), None)
            self._idle[:] = [one for one in self._idle if one not in replaced and one is not found]
        _close(replaced)
        return found[1] if found is not None else None

    def _keep(self, place: _Place, data: Data) -> None:
        """Without write access to the folder, SQLite may have opened a snapshot, which does not show later changes."""
        if not os.access(place[0], os.W_OK):
            data.close()
            return
        with self._lock:
            self._idle.append((place, data))
            oldest = self._idle[:-IDLE_MOST]
            self._idle[:] = self._idle[-IDLE_MOST:]
        _close(oldest)


def _close(several: list[tuple[_Place, Data]]) -> None:
    for _, data in several:
        data.close()


def _place(folder: Path) -> _Place:
    try:
        found = (folder / FILE).stat()
    except OSError:
        return folder, None
    return folder, (found.st_dev, found.st_ino)
