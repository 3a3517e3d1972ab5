"""The process log, by structlog: readable on a terminal, as JSON lines for machines, or to the journal with fields if
systemd started the sensor.

The same event of the same unit is logged a few times a minute (``limit.py``); secrets are masked, and text of peers
cannot control a terminal. structlog is imported with the first message.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import sys
import threading
import time
from collections.abc import Callable, MutableMapping
from typing import Any

from sensor.core.reader import clean
from sensor.core.secrecy import masked
from sensor.logs.journal import PRIORITIES, SOCKET, Journal, is_ours
from sensor.logs.limit import LeftOut, Limiter

FORMATS = ("console", "json")
LEVELS = ("debug", "info", "warning", "error")
TEXT_LIMIT = 4096
# Keys that name the unit of a message; the first that is present applies.
UNITS = ("unit", "output", "line", "interface")

Event = MutableMapping[str, Any]


class _Log:
    """Log settings of this process."""

    def __init__(self) -> None:
        self.form, self.level = "console", LEVELS.index("info")
        self.limiter, self.lock = Limiter(), threading.Lock()
        self.journal: Journal | None = None


class _StandardError:
    """Writes lines to the current standard error, not the one at the first message. A closed standard error is not an
    error.
    """

    def __init__(self, *_: object) -> None:
        """structlog passes the name of a logger, which is unused."""

    def msg(self, line: str) -> None:
        if sys.stderr is not None:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(f"{line}\n")
                sys.stderr.flush()

    debug = info = warning = error = msg


_LOG = _Log()


def configure(form: str | None = None, level: str = "info") -> None:
    """``form``: console or json; None is the journal if standard error is connected to it, otherwise console. May be
    called repeatedly.
    """
    _LOG.level = LEVELS.index(level)
    _LOG.form = form or "console"
    if _LOG.journal is not None:
        _LOG.journal.close()
        _LOG.journal = None
    if form is None and is_ours():
        with contextlib.suppress(OSError):  # standard error is connected to the journal anyway
            _LOG.journal = Journal(SOCKET)


def for_machines() -> bool:
    """Whether the output is for machines: each line, or each message of the journal, is then a structured message."""
    return _LOG.form == "json" or _LOG.journal is not None


def log() -> Any:
    """A logger that writes key and value pairs."""
    import structlog

    if not structlog.is_configured():
        structlog.configure(
            processors=[
                _limited,
                _safe,
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                _rendered,
            ],
            logger_factory=_StandardError,
        )
        atexit.register(_log_all)
    return structlog.get_logger()


def settle() -> None:
    """Log counts of suppressed messages in expired windows. Long-running commands call it regularly."""
    with _LOG.lock:
        over = list(_LOG.limiter.over(time.monotonic()))
    _summarize(over)


def _log_all() -> None:
    with _LOG.lock:
        over = list(_LOG.limiter.over(time.monotonic(), end=True))
    _summarize(over)


def _summarize(over: list[LeftOut]) -> None:
    for one in over:
        log().warning(one.event, left_out=one.times, **({"unit": one.unit} if one.unit else {}))


def _limited(_: Any, method: str, event: Event) -> Event:
    """Apply the rate limit. Counts of earlier suppressed messages are logged first."""
    import structlog

    if LEVELS.index(method) < _LOG.level:
        raise structlog.DropEvent
    if "left_out" not in event:
        settle()
        unit = next((str(event[name]) for name in UNITS if name in event), "")
        with _LOG.lock:
            may = _LOG.limiter.may(str(event.get("event")), unit, time.monotonic())
        if not may:
            raise structlog.DropEvent
    return event


def _safe(_: Any, __: str, event: Event) -> Event:
    """Make the values single-line, bounded, and free of secrets."""
    return {name: _safe_value(value) for name, value in event.items()}


def _safe_value(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_safe_value(one) for one in value]
    return value if isinstance(value, int | float | None) else clean(masked(str(value)), TEXT_LIMIT)


def _rendered(logger: Any, method: str, event: Event) -> str:
    """The line to print; the journal gets its fields instead."""
    import structlog

    if _LOG.journal is not None:
        fields = {name: str(value) for name, value in event.items() if name not in ("event", "level", "timestamp")}
        try:
            _LOG.journal.send(
                " ".join([str(event["event"]), *(f"{name}={value}" for name, value in fields.items())]), method, fields
            )
        except OSError:
            # sd-daemon(3): the journal takes the level from it
            return f"<{PRIORITIES[method]}>{_console(False)(logger, method, event)}"
        raise structlog.DropEvent
    if _LOG.form == "json":
        return str(structlog.processors.JSONRenderer()(logger, method, event))
    return _console(sys.stderr is not None and sys.stderr.isatty())(logger, method, event)


@functools.cache
def _console(colours: bool) -> Callable[[Any, str, Event], str]:
    import structlog

    return structlog.dev.ConsoleRenderer(colors=colours)
