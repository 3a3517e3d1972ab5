"""Keeper: the inventory over several runs of the sensor, and what the operator says meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

from sensor.inventory.store.database import StoreError
from sensor.inventory.store.reader import Reader
from sensor.inventory.store.sayings import Sayings
from sensor.inventory.words import Word
from sensor.keeper import Keeper
from tests.inventory.stories import Story

PRINTER, LAPTOP, DOCK = "00:17:c8:1a:2b:3c", "00:1b:21:00:00:02", "00:1c:7f:00:00:01"
KEY = f"mac:{PRINTER}"


class Run:
    """One run of the sensor: an inventory with its keeper."""

    def __init__(self, folder: Path, knowledge: str = "one") -> None:
        self.heard: list[str] = []
        self.keeper, self.story = Keeper(folder, self.heard.append), Story()
        self.restored = self.keeper.begin(self.story.inventory, knowledge)

    def __enter__(self) -> Self:
        self.story.at(0)
        return self

    def __exit__(self, *_: object) -> None:
        self.keeper.end()

    def until(self, true: Callable[[], bool]) -> None:
        """Ticks as the daemon does, until something is so."""
        end = time.monotonic() + 10
        while not true():
            assert time.monotonic() < end
            self.keeper._next = 0.0
            self.keeper.tick(self.story.ts)
            time.sleep(0.02)


def say(folder: Path, key: str, **words: str) -> None:
    sayings = Sayings(folder, "anna", 7)
    sayings.say(Word(key, field, value) for field, value in words.items())
    sayings.close()


def test_three_runs(tmp_path: Path) -> None:
    """The first tells a device, the second knows it and learns its type, the third tells nothing."""
    with Run(tmp_path) as run:
        run.story.says(PRINTER, "10.0.0.9", "dhcp.hostname", "PRN").at(8)
        assert [action for action, _ in run.story.end()] == ["new"]
    with Run(tmp_path) as run:
        assert run.restored == 1
        run.story.says(PRINTER, "10.0.0.9", "http.server", "type=printer").at(60)
        assert [action for action, _ in run.story.end()] == ["identified"]
    with Run(tmp_path) as run:
        assert run.story.at(60).end() == []
        assert run.story.who(PRINTER).type == "printer"
        assert run.heard == []


def test_times_of_devices_without_news_are_written_at_the_end(tmp_path: Path) -> None:
    """When a device was seen last, and how often, is known to the next run."""
    with Run(tmp_path) as run:
        run.story.says(PRINTER, "10.0.0.9", "http.server", "type=printer").at(8)
        run.keeper.tick(run.story.ts)
        run.story.at(100).says(PRINTER, "10.0.0.9", "http.server", "type=printer")
        last = run.story.ts
    with Run(tmp_path) as run:
        (device,) = run.story.inventory.devices()
        assert device.last == last
        assert device.attributes["type"].evidence[0].count == 2


def test_a_running_sensor_hears_what_is_said(tmp_path: Path) -> None:
    """Within a second or so: words, words taken back, and orders; what was told of an order is in the store."""
    with Run(tmp_path) as run:
        who = run.story.who
        run.story.says(PRINTER, "10.0.0.9", "http.server", "type=printer").says(DOCK, "10.0.0.8", "http.server", "model=D").at(8)
        say(tmp_path, KEY, type="camera", owner="anna")
        run.until(lambda: who(PRINTER).type == "camera")
        say(tmp_path, KEY, type="")
        run.until(lambda: who(PRINTER).type == "printer")
        assert who(PRINTER).value("owner") == "anna"
        sayings = Sayings(tmp_path, "anna", 8)
        sayings.order("merge", KEY, f"mac:{DOCK}", "a dock")
        run.until(lambda: who(DOCK) is who(PRINTER))
        run.until(lambda: sayings._base.execute("SELECT count(*) FROM words WHERE state = 'done'").fetchone()[0] == 1)
        sayings.undo(sayings.latest(KEY))
        run.until(lambda: who(DOCK) is not who(PRINTER))
        sayings.close()
    with Run(tmp_path) as run:
        assert run.restored == 2
        assert run.story.who(DOCK) is not run.story.who(PRINTER)


def test_what_is_said_between_runs_is_heard_at_the_start(tmp_path: Path) -> None:
    """Words and orders alike; each order is obeyed once."""
    with Run(tmp_path) as run:
        run.story.says(PRINTER, "10.0.0.9", "http.server", "type=printer").says(LAPTOP, "10.0.0.8", "http.server", "model=D").at(8)
    say(tmp_path, KEY, type="camera")
    sayings = Sayings(tmp_path, "anna", 8)
    sayings.order("merge", KEY, f"mac:{LAPTOP}", "one")
    sayings.close()
    reader = Reader(tmp_path)
    assert {record["device"]["type"] for record in reader.records()} == {"camera", "unknown"}
    reader.close()
    for _ in range(2):
        with Run(tmp_path) as run:
            assert run.story.who(LAPTOP) is run.story.who(PRINTER)
            assert run.story.who(PRINTER).type == "camera"
    reader = Reader(tmp_path)
    assert [record["key"] for record in reader.records()] == [KEY]
    reader.close()


def test_words_of_a_merged_device_are_of_its_heir(tmp_path: Path) -> None:
    """They last over restarts."""
    with Run(tmp_path) as run:
        run.story.says(PRINTER, "10.0.0.9", "http.server", "type=printer").says(LAPTOP, "10.0.0.8", "http.server", "model=D").at(8)
        say(tmp_path, f"mac:{LAPTOP}", owner="anna")
        run.until(lambda: run.story.who(LAPTOP).value("owner") == "anna")
        sayings = Sayings(tmp_path, "anna", 8)
        sayings.order("merge", KEY, f"mac:{LAPTOP}", "one")
        sayings.close()
        run.until(lambda: run.story.who(LAPTOP) is run.story.who(PRINTER))
    with Run(tmp_path) as run:
        assert run.story.who(PRINTER).value("owner") == "anna"


def test_a_full_disk_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told once, what is to be written waits, and is written when there is room again."""
    from sensor import keeper as module

    monkeypatch.setattr(module, "RETRY_S", 0.01)
    full = [True]
    with Run(tmp_path) as run:
        write = run.keeper.store.write

        def refuse(entries: object) -> None:
            if full[0]:
                raise StoreError("database or disk is full")
            write(entries)  # type: ignore[arg-type]

        monkeypatch.setattr(run.keeper.store, "write", refuse)
        run.story.says(PRINTER, "10.0.0.9", "http.server", "type=printer").at(8)
        run.until(lambda: bool(run.heard))
        for n in range(20):
            run.story.says(f"00:17:c8:00:00:{n:02x}", "", "http.server", "type=printer").at(9 + n)
            began = time.monotonic()
            run.keeper._next = 0.0
            run.keeper.tick(run.story.ts)
            assert time.monotonic() - began < 0.5
        full[0] = False
        run.until(lambda: len(run.heard) == 2)
    assert run.heard[0].startswith("cannot write database or disk is full; what is to be written waits")
    assert "is written again" in run.heard[1]
    with Run(tmp_path) as run:
        assert run.restored == 21


def test_other_knowledge_is_noticed(tmp_path: Path) -> None:
    """Where fingerprints changed between two runs, all facts are read anew."""
    with Run(tmp_path) as run:
        run.story.says(PRINTER, "10.0.0.9", "http.server", "type=printer").at(8)
    with Run(tmp_path, "two") as run:
        assert len(run.story.inventory.table.due) == 1
    with Run(tmp_path, "two") as run:
        assert len(run.story.inventory.table.due) == 0
