"""Schedules of reports at the console of a sensor: a report after the end of each day or ISO week (UTC)."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from sensor.console.cards import Cards
from sensor.views.errors import Malformed, Unknown

FOLDER, CARD = "report-schedules", "schedule.json"
EVERY = {"day": timedelta(days=1), "week": timedelta(days=7)}
MOST = 50
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Schedule(msgspec.Struct):
    """``every``: `day` or `week`; ``next``: when its next report is due, seconds since the epoch."""

    name: str
    dataset: str
    every: str
    format: str
    author: str
    next: float = 0.0


class Schedules:
    """Those of one state folder."""

    def __init__(self, state: Path) -> None:
        self._folder = state / FOLDER
        self._cards = Cards(self._folder, CARD, Schedule, lambda one: one.next)

    def all(self) -> list[Schedule]:
        """All schedules by name."""
        return sorted(self._cards.all(), key=lambda one: one.name)

    def check(self, name: str) -> None:
        """Whether a schedule of this name can be added. Raises Malformed."""
        check_name(name)
        known = [one.name for one in self.all()]
        if name in known:
            raise Malformed("name", name, "one that is not in use")
        if len(known) >= MOST:
            raise Malformed("schedules", f"{MOST} of them", "fewer: remove one first")

    def add(self, new: Schedule, now: float) -> None:
        """Add a checked schedule; its first report is that of the current day or week. Raises OSError."""
        new.next = (last_end(new.every, datetime.fromtimestamp(now, UTC)) + EVERY[new.every]).timestamp()
        (self._folder / new.name).mkdir(mode=0o750, parents=True, exist_ok=True)
        self._cards.write(new.name, new)

    def remove(self, name: str) -> None:
        """Raises Unknown; OSError."""
        known = [one.name for one in self.all()]
        if name not in known:
            raise Unknown("name", name, known)
        shutil.rmtree(self._folder / name)

    def due(self, now: float) -> list[Schedule]:
        """Schedules with a report that is due. A clock that was set back does not delay the next one for longer than
        a day or week.
        """
        return [one for one in self.all() if one.next <= now or one.next > now + 2 * EVERY[one.every].total_seconds()]

    def done(self, one: Schedule, now: float) -> None:
        """A report was requested. Periods that were missed meanwhile are left out. Raises OSError."""
        self.add(one, now)


def check_name(name: str) -> None:
    """Raises Malformed."""
    if not _NAME.fullmatch(name):
        raise Malformed("name", name, "up to 64 letters, digits and ._-, the first one a letter or digit")


def last_end(every: str, now: datetime) -> datetime:
    """The end of the last complete day, or week from Monday to Sunday, before a time in UTC."""
    day = datetime(now.year, now.month, now.day, tzinfo=UTC)
    return day - timedelta(days=day.weekday()) if every == "week" else day
