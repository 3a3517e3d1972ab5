"""Reloads threat lists while they are in use, in a separate thread, so that lookups never wait. The old state is used
until then.
"""

from __future__ import annotations

import threading

from sensor.intel.store import ReloadedLists, ThreatLists

CLOSE_S = 0.2


class Renewer:
    """The thread that uses the lists calls ``look`` about once a second; the new state is applied there, between two
    lookups.
    """

    def __init__(self, lists: ThreatLists) -> None:
        self.lists = lists
        self._thread: threading.Thread | None = None
        self._ready: ReloadedLists | None = None

    def look(self) -> list[str] | None:
        """None if nothing is new. After changed lists are applied: rejections as text."""
        if self._thread is not None:
            if self._thread.is_alive():
                return None
            self._thread.join()
            self._thread = None
            return self._take()
        if self.lists.changed():
            self._thread = threading.Thread(target=self._read, name="threat-lists", daemon=True)
            self._thread.start()
        return None

    def close(self) -> None:
        """Stop. The thread, if any, only reads: the wait is short."""
        if self._thread is not None:
            self._thread.join(CLOSE_S)

    def _read(self) -> None:
        self._ready = self.lists.read_again()

    def _take(self) -> list[str]:
        ready, self._ready = self._ready, None
        if ready is None:
            return ["the threat lists could not be loaded again"]
        self.lists.take(ready)
        return ready.refused
