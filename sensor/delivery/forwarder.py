"""Forwarder: runs all outputs of one log, writes their status to files, and reloads the configuration on request."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sensor.core.output import Options, Output
from sensor.delivery.catalogue import output_class
from sensor.delivery.runner import Runner
from sensor.delivery.section import type_of
from sensor.delivery.status import Status, save_status
from sensor.delivery.traffic import kinds_of
from sensor.eventlog.log_end import backwards, end_of
from sensor.eventlog.segments import cursors_of, number_of
from sensor.logs.logs import log
from sensor.records.installed import MISSING, installed

if TYPE_CHECKING:
    from sensor.delivery.traffic_runner import TrafficRunner

REPORT_EVERY_S = 1.0
HEARTBEAT_S = 10.0
LOCK_POLL_S = 0.05
# A send that takes longer at shutdown is abandoned: its records are sent again.
TIMEOUT_S = 4.0
VOTES = 3


class Lock:
    """An exclusive lock on the cursor of one output, until ``close`` or the end of the process."""

    def __init__(self, log: Path, name: str, patience_s: float = 0.5) -> None:
        """Raises OSError (EBUSY) if another process holds it for longer than a reader needs."""
        path = cursors_of(log) / f"{name}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        end = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= end:
                    os.close(self._file)
                    raise OSError(errno.EBUSY, f"another process delivers to {name}", str(path)) from None
                time.sleep(LOCK_POLL_S)

    def close(self) -> None:
        os.close(self._file)


class Forwarder:
    """``runners``: by name of their output."""

    def __init__(self, log: Path, *, once: bool = False) -> None:
        self.log, self._once = log, once
        self.runners: dict[str, Runner] = {}
        # Runners of traffic records, for outputs that accept them.
        self._traffic: dict[str, TrafficRunner] = {}
        self._wanted: dict[str, Options] = {}
        self._locks: dict[str, Lock] = {}
        self._written: dict[str, Status] = {}
        self._written_at = 0.0
        # Reported faults that persist.
        self._warned: dict[str, str] = {}

    def take(self, outputs: Mapping[str, Options]) -> None:
        """Run exactly these outputs; unchanged ones continue. Raises OSError if one cannot be started; all others are,
        and it is retried.
        """
        self._wanted = dict(outputs)
        self._end(
            [
                name
                for name, runner in self.runners.items()
                if name not in outputs or not _same(outputs[name], runner.options)
            ]
        )
        failures = [error for _, error in self._begin()]
        if failures:
            raise failures[0]

    def restart_missing(self) -> None:
        """Start outputs that should run and do not: an output that hung when it was to end has ended since, or could
        not be started before.
        """
        for name in [name for name, runner in self.runners.items() if runner.join(0)]:
            if name in self._traffic:
                self._traffic[name].stop()
                if not self._traffic[name].join(0):
                    continue
            self._drop(name)
        for name, error in self._begin():
            self._warn(name, "cannot be started", f"{error.filename}: {error.strerror}")

    @property
    def over(self) -> bool:
        """Whether every output has finished (``once``)."""
        return all(runner.over for runner in self.runners.values()) and all(
            traffic.over for traffic in self._traffic.values()
        )

    @property
    def stuck(self) -> list[str]:
        """Outputs that have ended: only a restart helps them."""
        return [name for name, runner in self.runners.items() if runner.stuck]

    def write_status(self, *, now: bool = False) -> None:
        """Write the status of each output, if it changed or is old."""
        if not now and time.monotonic() - self._written_at < REPORT_EVERY_S:
            return
        self._written_at = time.monotonic()
        if not self._once:
            self.restart_missing()
        end = last_number(self.log)
        for runner in self.runners.values():
            self._write(self._status(runner, end))

    def _status(self, runner: Runner, end: int) -> Status:
        """Status of an output. ``end``: the last number of the log."""
        status = runner.status(max(end, runner.published.seq, runner.published.alerts))
        traffic = self._traffic.get(runner.name)
        return traffic.report(status) if traffic is not None else status

    def end(self) -> bool:
        """Stop all outputs; returns whether each stopped in time."""
        return self._end(list(self.runners))

    def statuses(self) -> list[Status]:
        end = last_number(self.log)
        return [self._status(runner, end) for runner in self.runners.values()]

    def _begin(self) -> Iterator[tuple[str, OSError]]:
        """Start outputs without a runner; yields those that failed, with the error."""
        for name, options in self._wanted.items():
            if name in self.runners:
                continue
            try:
                lock = Lock(self.log, name)
                self._locks[name] = lock
                unit = output_class(type_of(options))
                if kinds_of(options.filter):
                    self._traffic[name] = _traffic(self.log, name, unit, options, once=self._once)
                self.runners[name] = Runner(self.log, name, unit, options, once=self._once)
            except OSError as error:
                if (held := self._locks.pop(name, None)) is not None:
                    held.close()
                self._traffic.pop(name, None)
                yield name, error
            else:
                self.runners[name].start()
                if name in self._traffic:
                    self._traffic[name].start()

    def _end(self, names: list[str]) -> bool:
        for name in names:
            self.runners[name].stop()
            if name in self._traffic:
                self._traffic[name].stop()
        until, whole = time.monotonic() + TIMEOUT_S, True
        for name in names:
            traffic = self._traffic.get(name)
            ended = traffic is None or traffic.join(max(0.0, until - time.monotonic()))
            if self.runners[name].join(max(0.0, until - time.monotonic())) and ended:
                self._drop(name)
            else:  # it keeps its lock until it ends
                log().warning("a send hangs and is abandoned", output=name)
                whole = False
        return whole

    def _drop(self, name: str) -> None:
        runner = self.runners.pop(name)
        self._write(self._status(runner, last_number(self.log)))
        self._traffic.pop(name, None)
        self._locks.pop(name).close()

    def _write(self, status: Status) -> None:
        before = self._written.get(status.name)
        if (
            before is not None
            and abs(status.written - before.written) < HEARTBEAT_S
            and msgspec.structs.replace(status, written=before.written) == before
        ):
            return
        try:
            save_status(self.log, status)
            self._warned.pop(status.name, None)
        except OSError as error:
            self._warn(status.name, "the status cannot be written", str(error.strerror))
        self._written[status.name] = status

    def _warn(self, name: str, what: str, error: str) -> None:
        """Once, until it is over or something else is wrong."""
        if self._warned.get(name) != error:
            self._warned[name] = error
            log().warning(what, output=name, error=error)


def _traffic(log: Path, name: str, unit: type[Output], options: Options, *, once: bool) -> TrafficRunner:
    """What delivers traffic records, which need the extra ``hunt``. OSError where they cannot be read."""
    if not installed():
        raise OSError(errno.ENOPKG, f"traffic records: {MISSING}", name)
    from sensor.delivery.traffic_runner import TrafficRunner

    return TrafficRunner(log, name, unit, options, once=once)


def _same(one: Options, other: Options) -> bool:
    """Whether two readings of a configuration are equal: their models were made separately."""
    return one.model_dump() == other.model_dump()


def last_number(log: Path) -> int:
    """The last number of a log; 0 where it has none or cannot be read. Of one in segments, whose numbers have no gap,
    the last lines have a vote each: one that is damaged does not make millions pending.
    """
    try:
        end = end_of(log)
        if end is None:
            return 0
        numbers = (number for line in backwards(log, end) if (number := number_of(line)) is not None)
        votes = sorted(
            number + place for place, number in enumerate(islice(numbers, VOTES if end.segment.first else 1))
        )
        return votes[(len(votes) - 1) // 2] if votes else 0
    except OSError:
        return 0
