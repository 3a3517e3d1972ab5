"""Whether observation was sufficient to state what a device needs: its duration, the number of conversations, the time
without a new one, and the number of devices of its kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sensor.core.time_units import HOUR
from sensor.inventory.habits import Habits

HIGH, MEDIUM, LOW = "high", "medium", "low"


class Enough(NamedTuple):
    """What a level needs. ``quiet``: the last part of the time watched, in which nothing new came; what happens once a
    week needs more than one week, unless several of its kind agree.
    """

    watched_h: float
    talked_h: int
    quiet: float
    devices: int


LEVELS = {HIGH: (Enough(336, 48, 0.25, 1), Enough(168, 48, 0.25, 3)), MEDIUM: (Enough(72, 12, 0.1, 1),)}


class Confidence(NamedTuple):
    """``watched_h``: hours, of the device that was watched longest; ``talked_h``: hours in which one talked, the most;
    ``quiet``: which part of the time watched nothing new came at the end; ``crowded``: there was more outside than is
    remembered.
    """

    level: str
    watched_h: float
    talked_h: int
    quiet: float
    devices: int
    crowded: bool

    @property
    def text(self) -> str:
        """``low confidence: watched for 0.3 h, …``."""
        devices = f"{self.devices} devices" if self.devices > 1 else "1 device"
        summary = (
            f"{self.level} confidence: {devices} watched for {self.watched_h:.1f} h, talked in "
            f"{self.talked_h} h, nothing new in the last {self.quiet:.0%}"
        )
        return f"{summary}, more outside than is remembered" if self.crowded else summary

    @property
    def missing(self) -> str:
        """What is missing for the next level; empty where nothing is."""
        if self.level == HIGH:
            return ""
        if self.crowded:
            return (
                "it contacts more external hosts than a fixed-function device usually does: the profile may be "
                "incomplete"
            )
        name = HIGH if self.level == MEDIUM else MEDIUM
        ways = " or ".join(
            (
                f"{one.watched_h:g} h watched, {one.talked_h} h talked, {one.quiet:.0%} without "
                f"news{f', {one.devices} devices' if one.devices > 1 else ''}"
            )
            for one in LEVELS[name]
        )
        return f"{name} needs {ways}"


def confidence_of(several: Sequence[Habits], watched_ns: int) -> Confidence:
    """Of what devices of one kind do together. ``watched_ns``: for how long the network was watched, pauses taken off:
    no device was watched for longer.
    """
    first, last = min(one.first for one in several), max(one.last for one in several)
    watched, talked = (
        min(watched_ns, max(one.last - one.first for one in several)) / HOUR,
        max(one.hours for one in several),
    )
    newest = max((began for one in several for began in _began(one)), default=first)
    quiet = (last - newest) / (last - first) if last > first else 0.0
    crowded = any(one.reached is not None and one.reached.crowded for one in several)
    level = (
        LOW
        if crowded
        else next(
            (
                name
                for name, ways in LEVELS.items()
                if any(_holds(way, watched, talked, quiet, len(several)) for way in ways)
            ),
            LOW,
        )
    )
    return Confidence(level, watched, talked, quiet, len(several), crowded)


def _holds(enough: Enough, watched: float, talked: int, quiet: float, devices: int) -> bool:
    return (
        watched >= enough.watched_h
        and talked >= enough.talked_h
        and quiet >= enough.quiet
        and devices >= enough.devices
    )


def _began(habits: Habits) -> list[int]:
    """When each of its habits began, ns."""
    reached = [] if habits.reached is None else [*habits.reached.names.values(), *habits.reached.addresses.values()]
    return [use.first for use in (*habits.uses.values(), *(use for use, _ in habits.serves.values()), *reached)]
