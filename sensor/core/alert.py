"""Alert: who did what to whom, by which numbers. Made only through ``Detector.alert``; numbered and folded by the alert
desk.
"""

from __future__ import annotations

import enum

import msgspec

from sensor.core.attack import Technique
from sensor.core.device import DeviceChange
from sensor.core.event import Event
from sensor.core.flow import Flow
from sensor.core.observation import Subject
from sensor.core.stored import Stored


class Severity(enum.IntEnum):
    """In rising order, so that they compare."""

    info = 0
    low = 1
    medium = 2
    high = 3
    critical = 4


class Alert(msgspec.Struct):
    """One finding. ``key`` folds repeats (detector, actor and whatever the detector adds); ``why`` are sentences;
    ``numbers`` hold the value and its threshold.

    ``target`` is the other end of the deciding packet; ``targets`` all that are known, bounded. ``network`` are facts
    for the record (proto, app, vlan). ``usual`` is the severity that the detector gives without aggravating context;
    ``terms`` is what else counts for the risk, by name; ``incomplete`` is what the capture lacks of the packets that
    prove it (``sensor.alerts.coverage``).
    """

    ts: int
    detector: str
    title: str
    severity: Severity
    confidence: float
    techniques: tuple[Technique, ...]
    actor: Subject
    summary: str
    why: tuple[str, ...]
    numbers: dict[str, int | float | str]
    advice: str
    false_positives: str
    key: str
    target: Subject | None = None
    targets: tuple[Subject, ...] = ()
    actor_port: int = 0
    target_port: int = 0
    network: dict[str, str | int] = {}
    proof: tuple[Event | Flow | DeviceChange | Stored, ...] = ()
    first: int = 0
    count: int = 1
    usual: Severity | None = None
    terms: dict[str, int] = {}
    incomplete: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.proof:
            raise ValueError(f"alert of {self.detector} without what proves it")
        if not self.why:
            raise ValueError(f"alert of {self.detector} without a reason")
        self.first = self.first or self.ts
