"""Incident: the related alerts of one actor, or of a chain of actors."""

from __future__ import annotations

import msgspec

from sensor.core.alert import Severity
from sensor.core.attack import Technique
from sensor.core.observation import Subject


class Chapter(msgspec.Struct):
    """One alert of the incident: its start, its id (``alert``), the actor, and the alert's latest sentence."""

    ts: int
    alert: str
    detector: str
    title: str
    severity: Severity
    summary: str
    techniques: tuple[Technique, ...]
    actor: Subject
    count: int = 1


class Incident(msgspec.Struct):
    """The current state. ``severity`` and ``risk`` are the highest of its alerts; ``left_out`` counts alerts beyond the
    size limit of ``chapters``.
    """

    key: str
    first: int
    ts: int
    severity: Severity
    risk: int
    actors: list[Subject]
    targets: dict[Subject, None]
    story: list[Chapter]
    summary: str = ""
    left_out: int = 0

    @property
    def count(self) -> int:
        """Number of different alerts."""
        return len(self.story) + self.left_out
