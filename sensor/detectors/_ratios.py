"""Detectors of errors: how many of the answers of somebody are errors, within a window."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

from pydantic import Field

from sensor.core import detector
from sensor.core.bounded import Recent
from sensor.core.tally import Counts

SECOND = 1_000_000_000


class ErrorOptions(detector.Options):
    """When so many errors are a finding."""

    enabled: bool = Field(False, description="off unless switched on: many networks live with errors")
    errors: int = Field(20, ge=2, description="errors at least")
    share: float = Field(0.5, gt=0, le=1, description="share of all answers at least")
    window_s: int = Field(600, ge=10, le=86400, description="seconds in which they are counted")
    again_s: int = Field(3600, ge=60, description="seconds after which the same is told again")


class Finding(NamedTuple):
    """Errors among answers."""

    errors: int
    answers: int


class Ratio:
    """Answers and errors by key; bounded as ``Counts`` is."""

    def __init__(self, options: Any) -> None:
        self._want = options
        self._all: Counts[Hashable] = Counts(options.window_s * SECOND)
        self._bad: Counts[Hashable] = Counts(options.window_s * SECOND)
        self._told: Recent[Hashable] = Recent(4096, options.again_s * SECOND)

    def add(self, key: Hashable, bad: bool, ts: int) -> Finding | None:
        """Counts an answer. The finding where errors are too many, once in a while."""
        answers, errors = self._all.add(key, ts), self._bad.add(key, ts, int(bad))
        if not bad or errors < self._want.errors or errors < self._want.share * answers or not self._told.fresh(key, ts):
            return None
        return Finding(errors, answers)
