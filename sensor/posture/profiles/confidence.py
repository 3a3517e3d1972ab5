"""Whether observation was sufficient to state what a device needs: its duration, the number of connections, the time
without a new one, and the number of devices of its kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sensor.core.time_units import HOUR
from sensor.inventory.habits import Habits

HIGH, MEDIUM, LOW = "high", "medium", "low"


class LevelRequirements(NamedTuple):
    """Requirements of a level. ``quiet``: share of the observation, at its end, without anything new. Weekly behavior
    needs more than one week, unless several devices of the kind agree.
    """

    watched_h: float
    talked_h: int
    quiet: float
    devices: int


LEVELS = {
    HIGH: (LevelRequirements(336, 48, 0.25, 1), LevelRequirements(168, 48, 0.25, 3)),
    MEDIUM: (LevelRequirements(72, 12, 0.1, 1),),
}


class Confidence(NamedTuple):
    """``watched_h``: hours, of the device that was observed longest; ``talked_h``: hours with traffic, the maximum;
    ``quiet``: share of the observation, at its end, without anything new; ``crowded``: external peers exceeded the
    limit.
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
            f"{self.level} confidence: {devices} observed for {self.watched_h:.1f} h, active in "
            f"{self.talked_h} h, nothing new in the last {self.quiet:.0%}"
        )
        return f"{summary}, more external hosts than are stored" if self.crowded else summary

    @property
    def missing(self) -> str:
        """What the next level requires; empty if nothing."""
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
                f"{one.watched_h:g} h observed, {one.talked_h} h active, {one.quiet:.0%} without new "
                f"traffic{f', {one.devices} devices' if one.devices > 1 else ''}"
            )
            for one in LEVELS[name]
        )
        return f"{name} needs {ways}"


def confidence_of(several: Sequence[Habits], watched_ns: int) -> Confidence:
    """The confidence of devices of one kind together. ``watched_ns``: observation of the network without pauses, an
    upper bound for each device.
    """
    first, last = min(one.first for one in several), max(one.last for one in several)
    watched = min(watched_ns, max(one.last - one.first for one in several)) / HOUR
    talked = max(one.hours for one in several)
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


def _holds(enough: LevelRequirements, watched: float, talked: int, quiet: float, devices: int) -> bool:
    return (
        watched >= enough.watched_h
        and talked >= enough.talked_h
        and quiet >= enough.quiet
        and devices >= enough.devices
    )


def _began(habits: Habits) -> list[int]:
    """Start of each habit, ns."""
    reached = [] if habits.reached is None else [*habits.reached.names.values(), *habits.reached.addresses.values()]
    return [use.first for use in (*habits.uses.values(), *(use for use, _ in habits.serves.values()), *reached)]
