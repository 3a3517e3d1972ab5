"""A loop in a thread of its own, which ends after what is under way."""

from __future__ import annotations

import threading


class Threaded:
    """``_run`` is the loop; it looks at ``_stopping``."""

    def __init__(self, name: str) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the send that is under way."""
        self._stopping.set()

    def join(self, seconds: float) -> bool:
        """Wait for the end; whether it came."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        raise NotImplementedError
