"""Work that pages do not wait for: one thing after the other, in a thread that ends with the console."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class Worker:
    """The thread begins with the first thing to do."""

    def __init__(self, name: str, work: Callable[[str], None]) -> None:
        """``work`` gets the id of each thing, and reports its own faults."""
        self._name, self._work = name, work
        self._waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, name: str) -> None:
        self._waiting.put(name)
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._work(self._waiting.get())
