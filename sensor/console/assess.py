"""Assessments: vulnerabilities, scores and tickets of a dataset. They are computed for all devices at once and cached
until the dataset changes; in a growing dataset, a calculation that takes long is not repeated at once.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from sensor.console.sources import Opened
from sensor.core.collection import long_lived
from sensor.documents import DocumentErrors
from sensor.posture.picture import AssessmentInputs, Picture
from sensor.posture.tickets.policy import Policy
from sensor.posture.vulnerabilities.database import DatabaseError, open_to_read
from sensor.views.alert_groups import number_of_alerts
from sensor.views.assessment import picture_of
from sensor.views.dataset import open_folder
from sensor.views.devices import devices
from sensor.views.errors import NotReadable

# With more devices or alerts, an assessment takes too long for a page, and too much memory.
MOST, ALERTS_MOST = 20_000, 100_000
# New records are taken into account after this many times the duration of the calculation, at the latest after REST_S
# seconds; changes of operators at once.
REST, REST_S = 20, 60.0


class Assessing(NamedTuple):
    """Configuration that assessments need."""

    around: AssessmentInputs = AssessmentInputs()
    policy: Policy = Policy()


class Assessments:
    """Cache of one dataset: the last one requested. Concurrent requests wait."""

    def __init__(self, state: Path, assessing: Assessing, clock: Callable[[], float] = time.monotonic) -> None:
        """``state``: the folder with the imported vulnerabilities; ``clock``: in seconds."""
        self.policy = assessing.policy
        self._state, self._around, self._clock = state, assessing.around, clock
        self._lock = threading.Lock()
        # What operators changed, and the position of the tables; until when only the former matters.
        self._stamp: tuple[object, object] = (None, None)
        self._rests_until = 0.0
        self._picture: Picture | None = None
        self._open = contextlib.ExitStack()
        weakref.finalize(self, self._open.close)

    @contextlib.contextmanager
    def of(self, opened: Opened) -> Iterator[Picture]:
        """All assessments of a dataset, valid inside of the block. Raises NotReadable if they cannot be computed."""
        if not opened.alerts_known:
            raise NotReadable(f"the dataset {opened.dataset.name} has no event log: assessments are unknown, not empty")
        with self._lock, _readable(opened.dataset.name):
            stamp = _stamp(opened)
            if self._picture is not None and not self._is_outdated(stamp):
                yield self._picture
                return
            self._forget()
            began = self._clock()
            try:
                with long_lived():
                    self._picture, self._stamp = self._made(opened), stamp
                yield self._picture
            finally:  # each assessment is computed when a page needs it first
                ended = self._clock()
                self._rests_until = ended + min(REST * (ended - began), REST_S)

    @contextlib.contextmanager
    def at_hand(self, opened: Opened) -> Iterator[Picture | None]:
        """The assessments of a dataset as they were computed last, valid inside of the block; None without them, or
        while others are computed: this never waits.
        """
        if not self._lock.acquire(blocking=False):
            yield None
            return
        try:
            changes = self._stamp[0]
            known = isinstance(changes, tuple) and changes[:2] == (opened.dataset.folder, opened.dataset.log)
            yield self._picture if known else None
        finally:
            self._lock.release()

    def _is_outdated(self, stamp: tuple[object, object]) -> bool:
        return stamp[0] != self._stamp[0] or (stamp != self._stamp and self._clock() >= self._rests_until)

    def _made(self, opened: Opened) -> Picture:
        data = opened.data
        counts = (devices(data, limit=1).total, MOST, "devices"), (number_of_alerts(data.base), ALERTS_MOST, "alerts")
        for total, most, what in counts:
            if total > most:
                commands = "`sensor vulns`, `sensor posture` and `sensor tickets`"
                raise NotReadable(f"{total:,} {what}: for more than {most:,} use {commands}")
        base = open_to_read(self._state)
        if base is not None:
            self._open.callback(base.close)
        if opened.data.folder is not None:
            data = self._open.enter_context(open_folder(opened.data.folder))
        return picture_of(data, self._around._replace(vulnerabilities=base))

    def _forget(self) -> None:
        self._picture = None
        self._open.close()


@contextlib.contextmanager
def _readable(dataset: str) -> Iterator[None]:
    """Raises NotReadable for what cannot be read, with its place."""
    try:
        yield
    except DatabaseError as error:
        raise NotReadable(str(error)) from None
    except DocumentErrors as errors:
        raise NotReadable(f"a file of the sensor is invalid: {errors}") from None
    except sqlite3.Error as error:
        raise NotReadable(f"{dataset}: {error}") from None


def _stamp(opened: Opened) -> tuple[object, object]:
    """Dataset and changes of operators, and the position of the tables."""
    position = opened.data.position
    changes = opened.data.base.execute("SELECT count(*), total(state = 'undone') FROM words").fetchone()
    return (opened.dataset.folder, opened.dataset.log, position.notes_size, *changes), position
