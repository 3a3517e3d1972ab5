"""A ticket: one fix, and all devices that need it. All texts in it are clean and on one line; formats escape them for
their target.
"""

from __future__ import annotations

from typing import NamedTuple

from sensor.core.alert import Severity
from sensor.core.device_text import product_text
from sensor.posture.device_names import device_name
from sensor.posture.weakness import Proof

# Lowest points of each priority; those of weakness.py.
PRIORITIES = ((60.0, "P1"), (40.0, "P2"), (20.0, "P3"))
LAST_PRIORITY = "P4"
UPDATE, FIND_OUT, SETTING = "update", "version", "setting"


class Affected(NamedTuple):
    """A device that needs the fix. ``names``: CVEs or settings, most severe first; ``points``: of the most severe;
    ``sure``: False if it is unknown whether it is affected; ``proof``: packet behind the most severe.
    """

    id: str
    name: str
    address: str
    type: str
    vendor: str
    model: str
    firmware: str
    segment: str
    owner: str
    names: tuple[str, ...]
    points: float
    sure: bool
    proof: Proof

    @property
    def text(self) -> str:
        """``10.20.10.62 (front-door, camera)``."""
        return device_name(self.address or self.id, self.name, self.type)

    @property
    def product(self) -> str:
        """``HP LaserJet M479 2.1``."""
        return f"{product_text(self.vendor, self.model)} {self.firmware}".strip()

    @property
    def evidence(self) -> str:
        """The packet on one line; empty if unknown."""
        return ", ".join(
            filter(None, (f"{self.proof.ts[:19]}Z" if self.proof.ts else "", self.proof.event, self.proof.seen))
        )


class Step(NamedTuple):
    """A step. ``maker``: only for devices of that vendor; empty: for all."""

    maker: str
    text: str


class Ticket(NamedTuple):
    """``id``: of the fix, permanent; ``kind``: ``update`` of firmware, ``setting``, or ``version`` if it must be
    determined first; ``points``, ``severity``: of the most severe weakness, named in ``reckoned``; ``names``: CVEs or
    settings, most severe first; ``test``: how to verify the fix; ``first``: first sighting; ``due``: a day.
    """

    id: str
    key: str
    kind: str
    title: str
    severity: Severity
    points: float
    reckoned: str
    names: tuple[str, ...]
    why: tuple[str, ...]
    devices: tuple[Affected, ...]
    owner: str
    steps: tuple[Step, ...]
    test: str
    first: str
    due: str

    @property
    def sure(self) -> bool:
        """Whether at least one of its devices certainly needs it."""
        return any(one.sure for one in self.devices)

    @property
    def priority(self) -> str:
        """``P1`` to ``P4``."""
        return next((name for least, name in PRIORITIES if self.points >= least), LAST_PRIORITY)

    @property
    def types(self) -> tuple[str, ...]:
        """Types of its devices, most frequent first."""
        seen = [one.type for one in self.devices]
        return tuple(sorted(set(seen), key=lambda kind: (-seen.count(kind), kind)))

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels for ticket systems; the second is its id."""
        return "network-sensor", self.id, f"severity-{self.severity.name}", f"fix-{self.kind}"
