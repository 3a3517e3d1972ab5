"""Reports, generated one at a time by `sensor report` as a child process, and stored in the state folder."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from sensor.console.cards import Cards
from sensor.console.child import Limits, run
from sensor.console.schedules import EVERY, Schedules, last_end
from sensor.console.worker import Worker
from sensor.core.reader import clean
from sensor.views.errors import Malformed, Unknown, one_of

FOLDER, CARD = "reports", "card.json"
FORMATS = {"html": "text/html", "pdf": "application/pdf", "json": "application/json"}
WAITING, MAKING, DONE, FAILED = "waiting", "in progress", "done", "failed"
# Limits of stored reports, of those of each schedule, and of queued reports.
KEPT, KEPT_EACH, QUEUED = 100, 12, 10
LIMITS = Limits(memory=1 << 30, seconds=1800.0)


class Report(msgspec.Struct):
    """``period``, ``since``, ``until``, ``against``: options of `sensor report`, the last as a report id; ``made``:
    seconds since the epoch; ``schedule``: its name, empty for a report that a user requested.
    """

    id: str
    dataset: str
    format: str
    who: str
    period: str = ""
    since: str = ""
    until: str = ""
    against: str = ""
    state: str = WAITING
    message: str = ""
    made: float = 0.0
    size: int = 0
    schedule: str = ""

    @property
    def file_name(self) -> str:
        """File name for downloads."""
        day = time.strftime("%Y-%m-%d", time.gmtime(self.made))
        return f"{self.dataset}-{day}.{self.format}"


class Reports:
    """Reports of one state folder."""

    def __init__(self, state: Path, config: Path | None, limits: Limits = LIMITS) -> None:
        self._state, self._config, self._limits = state, config, limits
        self._folder, self._lock = state / FOLDER, threading.Lock()
        self._cards = Cards(self._folder, CARD, Report, lambda one: one.made)
        self._worker = Worker("reports", self._make)
        self.schedules = Schedules(state)
        for one in self.all():
            if one.state in (WAITING, MAKING):
                self._end(one, "The console was stopped before the report was finished.")

    def all(self) -> list[Report]:
        """All reports, newest first."""
        return self._cards.all()

    def get(self, name: str) -> Report:
        """A report by its id. Raises Unknown."""
        found = {one.id: one for one in self.all()}
        if name not in found:
            raise Unknown("id", name, found)
        return found[name]

    def begin(self, wanted: Report) -> Report:
        """Queue a report; sets its id and time. Raises Unknown, Malformed; OSError."""
        one_of("format", [wanted.format], FORMATS)
        if wanted.against and self.get(wanted.against).format == "pdf":
            raise Malformed("against", "a PDF", "a report in HTML or JSON")
        with self._lock:
            known = self.all()
            if sum(one.state in (WAITING, MAKING) for one in known) >= QUEUED:
                raise Malformed("reports", f"{QUEUED} that wait", "fewer: try again later")
            for old in known[KEPT - 1 :]:
                shutil.rmtree(self._folder / old.id, ignore_errors=True)
            wanted.id, wanted.made = f"report-{secrets.token_hex(4)}", time.time()
            (self._folder / wanted.id).mkdir(mode=0o750, parents=True)
            self._cards.write(wanted.id, wanted)
        self._worker.put(wanted.id)
        return wanted

    def begin_due(self, now: float) -> None:
        """Queue the reports of schedules that are due, each of the last complete day or week and compared with the
        report before. If too many reports wait, it is tried again later. ``now``: seconds since the epoch. Raises
        OSError.
        """
        moment = datetime.fromtimestamp(now, UTC)
        for one in self.schedules.due(now):
            until, earlier = last_end(one.every, moment), [old for old in self.all() if old.schedule == one.name]
            before = [old.id for old in earlier if old.state == DONE and old.format != "pdf"]
            wanted = Report("", one.dataset, one.format, one.author, schedule=one.name)
            wanted.since, wanted.until = (f"{at:%Y-%m-%dT%H:%M}" for at in (until - EVERY[one.every], until))
            wanted.against = before[0] if before else ""
            try:
                self.begin(wanted)
            except Malformed:
                return
            self.schedules.done(one, now)
            for old in earlier[KEPT_EACH - 1 :]:
                shutil.rmtree(self._folder / old.id, ignore_errors=True)

    def unschedule(self, name: str) -> None:
        """Remove a schedule with its finished reports. Raises Unknown; OSError."""
        self.schedules.remove(name)
        for one in self.all():
            if one.schedule == name and one.state not in (WAITING, MAKING):
                shutil.rmtree(self._folder / one.id, ignore_errors=True)

    def path(self, one: Report) -> Path:
        """Its file. Raises Malformed if it is not finished."""
        if one.state != DONE:
            raise Malformed("state", one.state, DONE)
        return self._path(one)

    def remove(self, name: str) -> None:
        """Remove a report. Raises Unknown; Malformed while it is generated."""
        with self._lock:
            one = self.get(name)
            if one.state in (WAITING, MAKING):
                raise Malformed("state", one.state, "a finished report")
            shutil.rmtree(self._folder / one.id)

    def command(self, one: Report) -> Sequence[str]:
        """Its `sensor report` command line."""
        options = {"period": one.period, "since": one.since, "until": one.until, "data": one.dataset}
        if one.against:
            options["against"] = str(self._path(self.get(one.against)))
        if self._config is not None:
            options["config"] = str(self._config)
        return [
            "report", "-o", str(self._path(one)), f"--state={self._state}",
            *(f"--{name}={value}" for name, value in options.items() if value),
        ]  # fmt: skip

    def _make(self, name: str) -> None:
        try:
            one = self.get(name)
            one.state = MAKING
            self._cards.write(one.id, one)
            self._end(one, run(self.command(one), self._state, self._limits).fault)
        except Unknown:  # removed meanwhile, or the report to compare with was
            return
        except OSError as error:
            self._end(one, f"{error.filename or self._folder}: {error.strerror or error}")

    def _end(self, one: Report, fault: str) -> None:
        one.state, one.message = FAILED if fault else DONE, clean(fault, 1000)
        one.size = 0 if fault else self._path(one).stat().st_size
        self._cards.write(one.id, one)

    def _path(self, one: Report) -> Path:
        return self._folder / one.id / f"report.{one.format}"
