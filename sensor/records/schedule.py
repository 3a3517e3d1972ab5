"""Scheduled hunts: which are due, their findings, and which of these were already reported.

A finding is an actor and a target of a hunt. It is reported once, and again if the hunt did not find it for the length
of its look-back. Reported findings are stored beside the records, so that a restart repeats none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from sensor.core.alert import Alert
from sensor.core.time_units import SECOND
from sensor.documents import Fault, Stamps, stamps
from sensor.records.findings import alerts_of, devices_of
from sensor.records.hunts_library import Hunt, files_of, load_hunts
from sensor.records.query import NoRecords, Query, QueryError, Range, UnreadableRecords
from sensor.records.readable import readable

STATE = "hunts.json"
# Limits on alerts of one run of a hunt, on rows that it reads for them, and on remembered findings of all hunts.
ALERTS_MOST, ROWS_MOST, REPORTED_MOST = 64, 10_000, 20_000
MEMORY_MIB, SECONDS = 256, 60.0
# Limit on runs of one hunt in a backtest.
RUNS_MOST = 200


class State(msgspec.Struct):
    """``runs``: last run of each hunt; ``found``: last time of each finding, by its key; ns."""

    runs: dict[str, int] = {}
    found: dict[str, int] = {}


class Schedule:
    """``folders``: of the operator's hunts; ``records``: of the traffic records. Used by one thread at a time."""

    def __init__(self, folders: Sequence[Path], records: Path) -> None:
        self._folders, self._records = folders, records
        self._path = records / STATE
        self._state = _read(self._path)
        self._stamps: Stamps | None = None
        self.hunts, self.faults = dict[str, Hunt](), list[Fault]()
        self.read()

    def read(self) -> bool:
        """Load changed files; returns whether any changed."""
        now = stamps(files_of(self._folders))
        if now == self._stamps:
            return False
        self._stamps = now
        by_name, self.faults = load_hunts(self._folders)
        self.hunts = {name: one for name, one in by_name.items() if one.schedule is not None}
        return True

    def due(self, now: int) -> list[str]:
        """Hunts to run now, including those whose last run is in the future because the clock was set back."""
        return [
            name
            for name, one in self.hunts.items()
            if not 0 <= now - self._state.runs.get(name, -(1 << 62)) < (one.schedule or 0) * SECOND
        ]

    def run(self, name: str, now: int) -> tuple[list[Alert], str]:
        """The new findings of a hunt, and why it could not run; empty if it did."""
        hunt = self.hunts[name]
        self._state.runs[name] = now
        try:
            found = look(self._records, name, hunt, now)
        except (QueryError, UnreadableRecords) as error:
            self._write()
            return [], str(error)
        except NoRecords:  # none yet: it stays due
            del self._state.runs[name]
            return [], ""
        fresh = [alert for alert in found if self._is_fresh(alert.key, hunt, now)]
        self._forget(now)
        self._write()
        return fresh[:ALERTS_MOST], ""

    def _is_fresh(self, key: str, hunt: Hunt, now: int) -> bool:
        """Whether to report a finding, which counts as found now."""
        before = self._state.found.get(key)
        self._state.found[key] = now
        return before is None or abs(now - before) > silence(hunt, hunt.schedule or 0)

    def _forget(self, now: int) -> None:
        """Forget hunts that no longer exist, and the oldest findings beyond the limit."""
        found = self._state.found
        for key in sorted(found, key=lambda key: found[key])[: max(0, len(found) - REPORTED_MOST)]:
            del found[key]
        self._state.runs = {name: ran for name, ran in self._state.runs.items() if name in self.hunts}

    def _write(self) -> None:
        """Write the state atomically. If the disk is full, findings may be reported again after a restart."""
        fresh = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            fresh.write_bytes(msgspec.json.encode(self._state))
            fresh.replace(self._path)


def _read(path: Path) -> State:
    """The state of an earlier run; empty if there is none, or it is damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except (OSError, msgspec.DecodeError):
        return State()


def look(records: Path, name: str, hunt: Hunt, now: int) -> list[Alert]:
    """All findings of a hunt in the records of its look-back, ``now`` in ns. Raises NoRecords, QueryError."""
    within = Range(now // 1000 - hunt.look_back * 1_000_000, now // 1000)
    query = Query(records, within, memory_mib=MEMORY_MIB, seconds=SECONDS, aside=True)
    try:
        answer = query.run(hunt.sql, most=ROWS_MOST)
        if hunt.entities is None:
            return []
        missing = [one for one in (hunt.entities.actor, hunt.entities.target) if one and one not in answer.columns]
        if missing:
            raise QueryError(
                f"the result has no column {missing[0]}, which `entities` contains: it has {', '.join(answer.columns)}"
            )
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        columns = [column for column in (hunt.entities.actor, hunt.entities.target) if column]
        devices = devices_of(query, (str(row[column]) for row in rows for column in columns))
        return list(alerts_of(name, hunt, rows, devices, now))
    finally:
        query.close()


def backtest(
    records: Path, hunts: Mapping[str, Hunt], since: int, until: int, report: Callable[[int, int], None]
) -> Iterator[Alert]:
    """The findings that scheduled hunts would have reported between two times (ns), in order of time. ``report``:
    called with the number of runs done and in total. Raises NoRecords, QueryError.
    """
    since = max(since, first_of(records) * 1000)
    times = sorted(
        (at, name) for name, one in hunts.items() for at in range(until, since, -_step(one, until - since) * SECOND)
    )
    found = dict[str, int]()
    for number, (at, name) in enumerate(times, 1):
        hunt = hunts[name]
        for alert in look(records, name, hunt, at):
            before, found[alert.key] = found.get(alert.key), at
            if before is None or at - before > silence(hunt, _step(hunt, until - since)):
                yield alert
        report(number, len(times))


def first_of(records: Path) -> int:
    """Start of the first record, microseconds since the epoch. Raises NoRecords."""
    files, _ = readable(records, Range())
    return min((file.first for file in files), default=0)


def silence(hunt: Hunt, every: int) -> int:
    """Nanoseconds after which a finding that was not found again counts as new. ``every``: seconds between two runs."""
    return max(hunt.look_back, 2 * every) * SECOND


def _step(hunt: Hunt, span: int) -> int:
    """Seconds between two runs of a backtest: the schedule's, or more if there would be too many runs."""
    return max(hunt.schedule or hunt.look_back, -(-span // SECOND // RUNS_MOST), 1)
