"""Background work for pages: one job at a time, in a thread that ends with the console."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class Worker:
    """The thread starts with the first job."""

    def __init__(self, name: str, work: Callable[[str], None]) -> None:
        """``work`` is called with the id of each job, and handles its own errors."""
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
