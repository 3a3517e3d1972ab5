"""Shared by error-rate detectors: the share of responses that are errors, within a time window."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

from sensor.core import detector
from sensor.core.bounded import Recent
from sensor.core.model import Field
from sensor.core.named_tables import NamedTables
from sensor.core.time_units import SECOND
from sensor.counting.tally import Counts


class ErrorOptions(detector.Options):
    """Thresholds of number and share of errors."""

    enabled: bool = Field(False, description="disabled by default: errors are frequent in many networks")
    errors: int = Field(20, ge=2, description="threshold: errors")
    share: float = Field(0.5, gt=0, le=1, description="threshold: share of all responses")
    window_s: int = Field(600, ge=10, le=86400, description="time window in seconds")
    again_s: int = Field(3600, ge=60, description="seconds until the same alert may be raised again")


class Finding(NamedTuple):
    """Errors among responses."""

    errors: int
    answers: int


class Ratio:
    """Responses and errors by key; bounded as ``Counts`` is."""

    def __init__(self, options: Any) -> None:
        self._want = options
        self.tables = NamedTables()
        self._all: Counts[Hashable] = self.tables.add("all", Counts(options.window_s * SECOND))
        self._bad: Counts[Hashable] = self.tables.add("bad", Counts(options.window_s * SECOND))
        self._reported: Recent[Hashable] = self.tables.add("reported", Recent(4096, options.again_s * SECOND))

    def add(self, key: Hashable, bad: bool, ts: int) -> Finding | None:
        """Count a response. Returns the finding if there are too many errors, rate-limited."""
        answers, errors = self._all.add(key, ts), self._bad.add(key, ts, int(bad))
        if (
            not bad
            or errors < self._want.errors
            or errors < self._want.share * answers
            or not self._reported.fresh(key, ts)
        ):
            return None
        return Finding(errors, answers)
