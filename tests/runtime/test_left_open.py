"""What an earlier run left open and no run continues is closed at the start: in the log, in the tables, once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensor.alerts.aggregation import AlertAggregator
from sensor.alerts.processor import AlertProcessor
from sensor.capture.source import Damage, Tally
from sensor.config import load_config
from sensor.core.batch import ROW, Batch
from sensor.core.record import RecordMaker
from sensor.eventlog.writer import EventLog
from sensor.inventory.journal import Entries
from sensor.inventory.store.database import FILE, look_into
from sensor.inventory.store.store import Store
from sensor.runtime import daemon, left_open
from sensor.runtime.daemon import Run
from sensor.runtime.keeper import Keeper
from sensor.tables.left_open import last_number
from tests.alerts.test_incidents import LAPTOP, OTHER, made
from tests.runtime.test_daemon import lines

HOSTS = ("10.0.7.1", "10.0.7.2", "10.0.7.3")


class Silence:
    """A live source without packets, until something happened."""

    def __init__(self, happened: Callable[[], bool]) -> None:
        self.name, self.names, self.damages, self.tally = "silence", ["silence"], list[Damage](), Tally()
        self._happened = happened

    def batches(self) -> Iterator[Batch]:
        end = time.monotonic() + 60
        while not self._happened() and time.monotonic() < end:
            yield Batch(np.zeros(0, np.uint8), np.zeros(0, ROW))

    def backlog(self) -> float:
        return 0.0

    def stop(self) -> None:
        pass


def earlier(folder: Path, *hosts: str, stored: tuple[str, ...] = ()) -> None:
    """A run whose alerts of ``hosts`` stay open, each with an incident, and the incident of an alert that it closed.
    The store has the alerts and incidents of ``stored`` only.
    """
    log = EventLog(folder / "log")
    maker = RecordMaker(load_config(None).sensor.id, version="0")
    processor = AlertProcessor(AlertAggregator(), maker, log.write, lambda _: None)
    open_state, now = processor.keep_open_state(1000), time.time() - 60
    known = made(now - 1, LAPTOP, OTHER)
    processor.take([known])
    assert processor.close(processor.maker.alert_id("update", known), "anna", "known", int(now * 1e9))
    processor.take(made(now, host, OTHER) for host in hosts)
    processor.finish(int(now * 1e9))
    log.close()
    with closing(Store(folder)) as store:
        entries = [one for one in open_state.take(1000) if one.key.rpartition("|")[2].partition("#")[0] in stored]
        store.write(Entries(open_state=entries))


def run(folder: Path, *, until_closed: int) -> list[dict[str, Any]]:
    """Runs until that many records are closed in the tables; returns the records of the run."""
    keeper, before = Keeper(folder, lambda _: None), last_number(folder / "log")
    log = EventLog(folder / "log", clock=time.time)
    source = Silence(lambda: keeper._left_open is not None and closed_in_tables(folder) >= until_closed)
    Run(load_config(None), source, log, live=True, keeper=keeper).run()  # type: ignore[arg-type]
    log.close()
    return lines(folder / "log")[before:]


def closed_in_tables(folder: Path) -> int:
    """Closed alerts and incidents in the tables."""
    with closing(look_into(folder / FILE)) as base:
        (alerts,) = base.execute("SELECT count(*) FROM alerts WHERE ended").fetchone()
        (incidents,) = base.execute("SELECT count(*) FROM incidents WHERE state = 'closed'").fetchone()
    return int(alerts) + int(incidents)


def ends(records: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Kind and source of those that were closed."""
    return [(one["kind"], one["src"]["ip"]) for one in records if one["action"] == "close"]


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(left_open, "SOME", 2)


def test_what_the_store_does_not_have_is_closed_once(tmp_path: Path) -> None:
    """The record of the end is the last one with another time and id; the next run has nothing to close."""
    earlier(tmp_path, *HOSTS)
    [*_, last] = [one for one in lines(tmp_path / "log") if one["kind"] == "alert"]
    records = run(tmp_path, until_closed=8)
    assert ends(records) == [*(("alert", host) for host in HOSTS), *(("incident", host) for host in (LAPTOP, *HOSTS))]
    [ended] = [one for one in records if one["kind"] == "alert" and one["alert"]["id"] == last["alert"]["id"]]
    assert {name for name in last if last[name] != ended.get(name)} == {"ts", "id", "action", "sensor"}
    assert ended["ts"] > last["ts"]
    assert ends(run(tmp_path, until_closed=8)) == []


def test_what_the_store_has_is_continued(tmp_path: Path) -> None:
    """It stays open, and so does its incident."""
    earlier(tmp_path, *HOSTS, stored=(HOSTS[1],))
    others = (HOSTS[0], HOSTS[2])
    expected = [*(("alert", host) for host in others), *(("incident", host) for host in (LAPTOP, *others))]
    assert ends(run(tmp_path, until_closed=6)) == expected


def test_a_log_without_records_and_a_pipe(tmp_path: Path) -> None:
    """Nothing is left open; a pipe is not opened."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    assert [last_number(tmp_path / name) for name in ("pipe", "empty", "none")] == [0, 0, 0]
