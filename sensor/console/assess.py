"""Assessments: vulnerabilities, scores and tickets of a dataset. They are computed for all devices at once and cached
until the dataset changes.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sensor.console.sources import Opened
from sensor.documents import DocumentErrors
from sensor.posture.picture import Picture, Surroundings
from sensor.posture.tickets.policy import Policy
from sensor.posture.vulnerabilities.database import DatabaseError, open_to_read
from sensor.views.assessment import picture_of
from sensor.views.dataset import open_folder
from sensor.views.devices import devices
from sensor.views.errors import NotReadable

# With more devices, an assessment takes too long for a page.
MOST = 20_000


class Assessing(NamedTuple):
    """Configuration that assessments need."""

    around: Surroundings = Surroundings()
    policy: Policy = Policy()


class Assessments:
    """Cache of one dataset: the last one requested. Concurrent requests wait."""

    def __init__(self, state: Path, assessing: Assessing) -> None:
        """``state``: the folder with the imported vulnerabilities."""
        self.policy = assessing.policy
        self._state, self._around = state, assessing.around
        self._lock = threading.Lock()
        self._stamp: object = None
        self._picture: Picture | None = None
        self._open = contextlib.ExitStack()

    @contextlib.contextmanager
    def of(self, opened: Opened) -> Iterator[Picture]:
        """All assessments of a dataset, valid inside of the block. Raises NotReadable if they cannot be computed."""
        if not opened.alerts_known:
            raise NotReadable(f"{opened.dataset.name} has no event log: assessments are unknown, not empty")
        with self._lock:
            stamp = (opened.dataset.folder, opened.dataset.log, opened.data.position)
            if self._picture is None or stamp != self._stamp:
                self._forget()
                self._picture, self._stamp = self._made(opened), stamp
            yield self._picture

    def _made(self, opened: Opened) -> Picture:
        total = devices(opened.data, limit=1).total
        if total > MOST:
            raise NotReadable(
                f"{total:,} devices: for more than {MOST:,} use `sensor vulns`, `sensor posture` and `sensor tickets`"
            )
        try:
            base = open_to_read(self._state)
            if base is not None:
                self._open.callback(base.close)
            data = (
                self._open.enter_context(open_folder(opened.data.folder))
                if opened.data.folder is not None
                else opened.data
            )
            return picture_of(data, self._around._replace(vulnerabilities=base)).made()
        except DatabaseError as error:
            raise NotReadable(str(error)) from None
        except DocumentErrors as errors:
            raise NotReadable(f"a file of the sensor is invalid: {errors}") from None
        except sqlite3.Error as error:
            raise NotReadable(f"{opened.dataset.name}: {error}") from None

    def _forget(self) -> None:
        self._picture = None
        self._open.close()
        self._open = contextlib.ExitStack()
