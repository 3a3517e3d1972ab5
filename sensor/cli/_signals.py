"""Signals of long-running commands: SIGTERM and SIGINT stop in order, a second one stops at once; SIGHUP reloads."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Self

from sensor.cli._setup import complain


class Signals:
    """Inside of the block, ``stopped`` is the signal that requested the end, 0 before."""

    def __init__(self, stop: Callable[[], None] | None = None) -> None:
        """``stop`` is called when the end is requested."""
        self.stopped = 0
        self._stop, self._again = stop, False

    def requested(self) -> bool:
        """Whether SIGHUP was received since the last call. Several count as one."""
        again, self._again = self._again, False
        return again

    def __enter__(self) -> Self:
        self._before = {
            number: signal.signal(number, self._received) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _received(self, number: int, _: object) -> None:
        if number == signal.SIGHUP:
            self._again = True
            return
        if self.stopped:
            complain("second signal: exiting immediately", error="sensor.interrupted")
            os._exit(128 + number)
        self.stopped = number
        if self._stop is not None:
            self._stop()
