"""Facts that the serving thread adds to the engine's status: files of the log, state of the outputs, and
the process.
"""

from __future__ import annotations

import contextlib
import os
import resource
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from sensor.delivery.status import load_status
from sensor.eventlog.log_lines import parts
from sensor.eventlog.log_offsets import time_in
from sensor.eventlog.segment_lines import open_lines
from sensor.eventlog.segments import Segment

Facts = dict[str, Any]


class HostFacts:
    """Caches the start time of the log, which is expensive to determine."""

    def __init__(self) -> None:
        self._first: tuple[Segment, float | None] | None = None

    def added(self, engine: Facts) -> Facts:
        """The engine's status with the added facts."""
        path = engine["log"]["path"]
        log = Path(path) if path else None
        if log is not None and log.is_file():
            engine["log"] |= self._log(log)
        engine["outputs"] = {name: output(log, name) for name in engine["outputs"]} if log is not None else {}
        return engine | {"process": process()}

    def _log(self, log: Path) -> Facts:
        """Segments of the log: number, size, age."""
        there, size = parts(log), 0
        for one in there:
            with contextlib.suppress(FileNotFoundError):  # the oldest segments are being removed
                size += one.path.stat().st_size
        facts: Facts = {"segments": len(there), "bytes": size}
        if there and (self._first is None or self._first[0] != there[0] or self._first[1] is None):
            self._first = (there[0], _begin(there[0]))
        return facts | ({"oldest": self._first[1]} if self._first is not None and self._first[1] is not None else {})


def output(log: Path, name: str) -> Facts:
    """The state of an output, as `sensor forward` wrote it beside the log; empty if it never ran."""
    status = load_status(log, name)
    if status is None:
        return {}
    facts: Facts = msgspec.to_builtins(status)
    return facts | {"stalled_s": max(0.0, time.time() - status.failing_since) if status.failing_since else 0}


def process() -> Facts:
    """Figures of this process from proc(5), if available."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    facts: Facts = {"pid": os.getpid(), "cpu_s": round(used.ru_utime + used.ru_stime, 3)}
    with contextlib.suppress(OSError, ValueError, IndexError):
        facts["memory_bytes"] = (
            int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
        )
        facts["descriptors"] = len(list(Path("/proc/self/fd").iterdir())) - 1  # without the descriptor of this listing
        facts["threads"] = len(list(Path("/proc/self/task").iterdir()))
        if (limit := resource.getrlimit(resource.RLIMIT_NOFILE)[0]) != resource.RLIM_INFINITY:
            facts["descriptors_limit"] = limit
    return facts


def _begin(segment: Segment) -> float | None:
    """The time of its first record; None if it has none."""
    try:
        lines = open_lines(segment, lambda _: None)
        with lines.file:
            first = next((found for line in lines.more() if (found := time_in(line))), None)
        return datetime.fromisoformat(first.decode()).timestamp() if first else None
    except (OSError, ValueError):
        return None
