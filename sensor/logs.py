"""Our own log: structlog to standard error, for people on a terminal or as JSON lines for machines. structlog is imported when there is something to say."""

from __future__ import annotations

import sys
from typing import Any

FORMATS = ("console", "json")
_format = "console"


def configure(form: str) -> None:
    """``console`` or ``json``."""
    global _format  # noqa: PLW0603 - one log for one process
    _format = form


def log() -> Any:
    """A logger that writes key and value pairs."""
    import structlog

    if not structlog.is_configured():
        last: Any = structlog.processors.JSONRenderer() if _format == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        structlog.configure(
            processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True), last],
            logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # what standard error is now, not what it was at the first word
        )
    return structlog.get_logger()
