"""A loop in its own thread, which stops after the current step."""

from __future__ import annotations

import threading


class Threaded:
    """``_run`` is the loop; it checks ``_stopping``."""

    def __init__(self, name: str) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current send."""
        self._stopping.set()

    def join(self, seconds: float) -> bool:
        """Wait for the end; returns whether the thread ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        raise NotImplementedError
