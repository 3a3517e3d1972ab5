"""Notifications to the service manager: ready, reloading, stopping, status, and watchdog. The protocol of sd_notify(3):
datagrams to a Unix socket.

Without NOTIFY_SOCKET in the environment nothing is sent. An unreachable service manager does not affect the run.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping

STATUS_EVERY_S = 5.0
# Watchdog messages per watchdog interval; sd_watchdog_enabled(3) recommends at least two.
FEEDS = 3
STATUS_LIMIT = 512


class Notifier:
    """``reached``: whether the last message could be sent; also true if none was requested."""

    def __init__(
        self, environment: Mapping[str, str] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``clock``: monotonic time in seconds."""
        given = os.environ if environment is None else environment
        self._address, self._clock = _address(given.get("NOTIFY_SOCKET", "")), clock
        self._socket: socket.socket | None = None
        self._feed_every = _watchdog_s(given) / FEEDS
        self._fed = self._sent = -1e9
        self._seen: int | None = None
        self._status = ""
        self.reached = True

    @property
    def requested(self) -> bool:
        """Whether a service manager expects messages."""
        return bool(self._address)

    def ready(self, status: str = "") -> None:
        """Start-up is complete; also sent after a reload, whether or not the new configuration was applied."""
        self._send("READY=1", *self._worded(status))

    def reloading(self) -> None:
        """A reload begins. The timestamp lets the manager match it with its own request."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1", *self._worded("stopping"))

    def status(self, make: Callable[[], str]) -> None:
        """Called often: sends the status every few seconds if it has changed. ``make`` is called only then."""
        if self.requested and self._clock() - self._sent >= STATUS_EVERY_S:
            text = make()
            if text != self._status:
                self._send(*self._worded(text))
            self._sent = self._clock()

    def beat(self, progress: int | None = None) -> None:
        """Called after completed work, never by a timer: sends a watchdog message when it is due. ``progress``: a
        counter of work by another thread, None if it has none: while it does not increase, nothing is sent.
        """
        if (
            not self._feed_every
            or self._clock() - self._fed < self._feed_every
            or (progress is not None and progress == self._seen)
        ):
            return
        self._fed, self._seen = self._clock(), progress
        self._send("WATCHDOG=1")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _worded(self, status: str) -> tuple[str, ...]:
        """The status line, remembered so that it is not sent twice; empty if there is nothing to send."""
        if not status:
            return ()
        self._status, self._sent = status, self._clock()
        return (f"STATUS={' '.join(status.split())[:STATUS_LIMIT]}",)

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
            self._socket.sendto("\n".join(lines).encode("utf-8", "replace"), self._address)
        except OSError:
            self.reached = False
        else:
            self.reached = True


def _address(name: str) -> str:
    """The address of the manager's socket: a path, or an abstract name, written with an @. Empty for anything else."""
    return "\0" + name[1:] if name.startswith("@") and len(name) > 1 else name if name.startswith("/") else ""


def _watchdog_s(given: Mapping[str, str]) -> float:
    """Seconds within which the manager expects a watchdog message; 0 if it expects none, or another process is
    meant.
    """
    try:
        return (
            int(given.get("WATCHDOG_USEC", "0")) / 1e6
            if int(given.get("WATCHDOG_PID", os.getpid())) == os.getpid()
            else 0.0
        )
    except ValueError:
        return 0.0
