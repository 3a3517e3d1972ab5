"""Searches of the traffic records beside the engine: scheduled hunts, past contacts with new entries of threat lists,
and past matches of changed rules.

One thread is active at a time, and queries run in separate processes; the engine takes their alerts between two
batches, through the same path as all others.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from sensor.core.addresses import Networks
from sensor.core.alert import Alert
from sensor.core.time_units import SECOND
from sensor.records.lookback import Lists, look_back
from sensor.records.query import NoRecords, QueryError, UnreadableRecords
from sensor.records.schedule import Schedule
from sensor.records.waiting import write_waiting_aside
from sensor.rules.load import Loaded, Rules
from sensor.runtime.past_rules import changed_rules, past_matches

# Seconds between two checks for due searches, to wait for unwritten records, and to wait at the end.
EVERY_S, WRITE_S, CLOSE_S = 10, 30.0, 0.2
# Limit on waiting look-backs.
WAITING = 4


class Found(NamedTuple):
    """Results of searches. ``faults``: searches that failed, as text."""

    alerts: Sequence[Alert] = ()
    faults: Sequence[str] = ()


NOTHING = Found()
BROKEN = Found(faults=["a search of the traffic records ended with a fault of the sensor: its results are unknown"])
Job = Callable[[int], Found]


class Hunting:
    """``look`` is called about once a second by the engine."""

    def __init__(self, folders: Sequence[Path], records: Path, rules: Rules | None = None) -> None:
        """``folders``: of the operator's hunts; ``records``: folder of the traffic records; ``rules``: those that are
        in use at the start.
        """
        self.schedule = Schedule(folders, records)
        self._records = records
        self._thread: threading.Thread | None = None
        self._found = NOTHING
        self._backs: list[tuple[Lists, Lists]] = []
        self._rules = rules
        self._changed: dict[str, Loaded] = {}
        self._networks = Networks()
        self._due = 0

    def look(self, now: int) -> Found:
        """The results since the last call; starts due searches. ``now``: ns since the epoch."""
        if self._thread is not None:
            if self._thread.is_alive():
                return NOTHING
            self._thread = None
            found, self._found = self._found, NOTHING
            return found
        if self._backs:
            before, after = self._backs.pop(0)
            self._start(lambda at: self._look_back(before, after, at), now)
        elif self._changed:
            rules, self._changed = [*self._changed.values()], {}
            self._start(lambda at: self._past_rules(rules, at), now)
        elif not 0 <= self._due - now <= EVERY_S * SECOND:
            self._due = now + EVERY_S * SECOND
            if self.schedule.read() and self.schedule.faults:
                return Found(faults=[str(fault) for fault in self.schedule.faults])
            if names := self.schedule.due(now):
                self._start(lambda at: self._hunt(names, at), now)
        return NOTHING

    def look_back(self, before: Lists, after: Lists) -> None:
        """Threat lists changed: search for their new entries. Further changes meanwhile are combined."""
        if len(self._backs) == WAITING:
            before = self._backs.pop()[0]
        self._backs.append((before, after))

    def watch(self, rules: Rules, networks: Networks) -> None:
        """Search for past matches of rules that were added or changed since the last call. A rule that changes again
        meanwhile is searched for in its last version, a removed one not at all.
        """
        if self._rules is not None and rules is not self._rules:
            self._changed |= {one.rule.id: one for one in changed_rules(self._rules, rules)}
            present = {one.rule.id for one in rules.loaded}
            self._changed = {name: one for name, one in self._changed.items() if name in present}
            self._networks = copy.copy(networks)
        self._rules = rules

    def close(self) -> None:
        """End of the run. The thread only reads, and ends with the process."""
        if self._thread is not None:
            self._thread.join(CLOSE_S)

    def _start(self, job: Job, now: int) -> None:
        def work() -> None:
            try:
                write_waiting_aside(self._records, WRITE_S)
                self._found = job(now)
            except OSError as error:
                self._found = Found(faults=[f"the traffic records were not searched: {error.strerror or error}"])

        self._found = BROKEN  # until the job returns
        self._thread = threading.Thread(target=work, name="hunting", daemon=True)
        self._thread.start()

    def _hunt(self, names: Sequence[str], now: int) -> Found:
        alerts, faults = list[Alert](), list[str]()
        for name in names:
            found, fault = self.schedule.run(name, now + len(alerts))
            alerts += found
            faults += [f"the hunt {name}: {fault}"] if fault else []
        return Found(alerts, faults)

    def _look_back(self, before: Lists, after: Lists, now: int) -> Found:
        try:
            return Found(look_back(self._records, before, after, now))
        except (QueryError, UnreadableRecords) as error:
            return Found(faults=[f"past contacts with new entries of threat lists were not searched: {error}"])
        except NoRecords:
            return NOTHING

    def _past_rules(self, rules: Sequence[Loaded], now: int) -> Found:
        try:
            return Found(*past_matches(self._records, rules, self._networks, now))
        except UnreadableRecords as error:
            return Found(faults=[f"past traffic was not searched with the changed rules: {error}"])
        except NoRecords:
            return NOTHING
