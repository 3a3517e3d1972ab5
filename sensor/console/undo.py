"""Data to undo a write: the previous state of alerts, or the numbers of device changes; kept in memory for
some time.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sensor.views.alerts import AlertRow

# Limits of writes, and of alerts in all of them: about 200 bytes each.
KEPT, KEPT_ALERTS = 50, 150_000


class AlertBefore(NamedTuple):
    """An alert before a write."""

    id: str
    state: str
    verdict: str
    assignee: str


class CompletedWrite(NamedTuple):
    """A write: its user, dataset and description, and the previous alerts or the numbers of its changes. ``path``: URL
    path that undoes it.
    """

    who: str
    dataset: str
    text: str
    path: str
    before: Sequence[AlertBefore]
    numbers: Sequence[str]


class Undo:
    """The last writes of all users, under unguessable names."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: OrderedDict[str, CompletedWrite] = OrderedDict()

    def keep(
        self, who: str, dataset: str, text: str, path: str, rows: Iterable[AlertRow] = (), numbers: Sequence[str] = ()
    ) -> str:
        """Store a write; returns its name."""
        name = secrets.token_urlsafe(12)
        before = [AlertBefore(row.id, row.state, row.verdict, row.assignee) for row in rows]
        done = CompletedWrite(who, dataset, text, path, before, numbers)
        self.put(name, done)
        return name

    def put(self, name: str, done: CompletedWrite) -> None:
        """Store a write under a name."""
        with self._lock:
            self._done[name] = done
            alerts = sum(len(one.before) for one in self._done.values())
            while len(self._done) > KEPT or (alerts > KEPT_ALERTS and len(self._done) > 1):
                alerts -= len(self._done.popitem(last=False)[1].before)

    def look(self, name: str, who: str) -> CompletedWrite | None:
        """A write of this user; None if it is not theirs or expired."""
        with self._lock:
            done = self._done.get(name)
        return done if done is not None and done.who == who else None

    def take(self, name: str, who: str) -> CompletedWrite | None:
        """As ``look``, and remove it, so that it cannot be undone twice."""
        done = self.look(name, who)
        if done is not None:
            with self._lock:
                self._done.pop(name, None)
        return done
