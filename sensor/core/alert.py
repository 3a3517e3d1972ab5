"""Alert: what a detector found: actor, targets and the numbers that prove it. Made only by ``Detector.alert``; the
aggregator numbers alerts and folds repeats.
"""

from __future__ import annotations

import enum

import msgspec

from sensor.core.attack import Technique
from sensor.core.device import DeviceChange
from sensor.core.event import Event
from sensor.core.flow import Flow
from sensor.core.observation import Subject
from sensor.core.stored import Recorded, Stored

Proof = Event | Flow | DeviceChange | Stored | Recorded


class Severity(enum.IntEnum):
    """Severities in ascending order, so that they can be compared."""

    info = 0
    low = 1
    medium = 2
    high = 3
    critical = 4


class Alert(msgspec.Struct):
    """One finding of a detector. ``key`` folds repeats (detector, actor and what the detector adds); ``why`` are
    sentences; ``numbers`` hold the value and its threshold.

    ``target`` is the other end of the packet that raised the alert; ``targets`` are all known targets, a limited
    number. ``network`` are facts for the record (proto, app, vlan). ``usual`` is the severity without aggravating
    context; ``terms`` are further terms of the risk score, by name; ``incomplete`` lists what the capture lacks of the
    packets that prove the alert (``sensor.alerts.coverage``).
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
    proof: tuple[Proof, ...] = ()
    first: int = 0
    count: int = 1
    usual: Severity | None = None
    terms: dict[str, int] = {}
    incomplete: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.proof:
            raise ValueError(f"alert of {self.detector} without evidence")
        if not self.why:
            raise ValueError(f"alert of {self.detector} without a reason")
        self.first = self.first or self.ts
