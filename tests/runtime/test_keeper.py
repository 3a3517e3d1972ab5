"""Keeper: the inventory over several runs of the sensor, and the operator's commands meanwhile."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Self

import pytest

from sensor.alerts.mutes import Mute, save_mutes
from sensor.inventory.baseline import Baseline
from sensor.inventory.corrections import Correction
from sensor.inventory.store.database import StoreError
from sensor.inventory.store.operator_changes import OperatorChanges
from sensor.inventory.store.reader import Reader
from sensor.runtime.keeper import Keeper
from sensor.tables.ready import make_ready
from sensor.views.dataset import open_folder
from sensor.views.mutes import mutes
from tests.golden import Golden
from tests.inventory.stories import Story, subject
from tests.waiting import until

PRINTER, LAPTOP, DOCK = "00:17:c8:1a:2b:3c", "00:1b:21:00:00:02", "00:1c:7f:00:00:01"
KEY = f"mac:{PRINTER}"


class Run:
    """One run of the sensor: an inventory with its keeper."""

    def __init__(
        self, folder: Path, knowledge: str = "one", *, follow: Path | None = None, mutes: Path | None = None
    ) -> None:
        self.reported: list[str] = []
        self.keeper, self.story = Keeper(folder, self.reported.append), Story()
        self.keeper.mutes = lambda: mutes
        if follow is not None:
            self.keeper.follow(follow)
        self.baseline = Baseline(self.story.inventory.device)
        self.restored = self.keeper.begin(self.story.inventory, knowledge, self.baseline)

    def learns(self, client: str, server: str, service: int) -> None:
        """A flow between two MACs has ended."""
        self.baseline.watch(self.story.ts)
        self.baseline.learn(self.story.ts, subject(client, ""), subject(server, ""), service, outside=False)

    def knows(self, client: str, server: str, service: int) -> bool:
        return self.baseline.first_use(subject(client, ""), subject(server, ""), service) > 0

    def __enter__(self) -> Self:
        self.story.at(0)
        return self

    def __exit__(self, *_: object) -> None:
        self.keeper.end()

    def until(self, true: Callable[[], bool]) -> None:
        """Ticks as the daemon does, until the condition holds."""

        def ticked() -> bool:
            self.keeper._next = 0.0
            self.keeper.tick(self.story.ts)
            return true()

        until(ticked)


def send(folder: Path, key: str, **words: str) -> None:
    changes = OperatorChanges(folder, "anna", 7)
    changes.correct(Correction(key, field, value) for field, value in words.items())
    changes.close()


def written(folder: Path) -> int:
    """Devices in the store."""
    with closing(Reader(folder)) as reader:
        return len(list(reader.records()))


def test_three_runs(tmp_path: Path) -> None:
    """The first run reports a device, the second knows it and learns its type, the third reports nothing."""
    with Run(tmp_path) as run:
        run.story.sends(PRINTER, "10.0.0.9", "dhcp.hostname", "PRN").at(8)
        assert [action for action, _ in run.story.end()] == ["new"]
    with Run(tmp_path) as run:
        assert run.restored == 1
        run.story.sends(PRINTER, "10.0.0.9", "http.server", "type=printer").at(60)
        assert [action for action, _ in run.story.end()] == ["identified"]
    with Run(tmp_path) as run:
        assert run.story.at(60).end() == []
        assert run.story.who(PRINTER).type == "printer"
        assert run.reported == []


def test_the_store_knows_nothing_that_the_log_does_not(tmp_path: Path) -> None:
    """After a crash the next run reports again what may not be in the log; storing first would lose records."""
    with Run(tmp_path) as run:
        known: list[int] = []
        run.keeper.log_down = lambda _: known.append(written(tmp_path))
        run.story.sends(PRINTER, "10.0.0.9", "http.server", "type=printer").at(8)
        run.until(lambda: written(tmp_path) == 1)
        assert known == [0]


def test_times_of_devices_without_news_are_written_at_the_end(tmp_path: Path) -> None:
    """The next run knows when and how often each device was seen."""
    with Run(tmp_path) as run:
        run.story.sends(PRINTER, "10.0.0.9", "http.server", "type=printer").at(8)
        run.keeper.tick(run.story.ts)
        run.story.at(100).sends(PRINTER, "10.0.0.9", "http.server", "type=printer")
        last = run.story.ts
    with Run(tmp_path) as run:
        (device,) = run.story.inventory.devices()
        assert device.last == last
        assert device.attributes["type"].evidence[0].count == 2


def test_a_running_sensor_receives_what_is_reported(tmp_path: Path) -> None:
    """Tags, removed tags and commands take effect within about a second; the result of a command is in the store."""
    with Run(tmp_path) as run:
        who = run.story.who
        run.story.sends(PRINTER, "10.0.0.9", "http.server", "type=printer").sends(
            DOCK, "10.0.0.8", "http.server", "model=D"
        ).at(8)
        send(tmp_path, KEY, type="camera", owner="anna")
        run.until(lambda: who(PRINTER).type == "camera")
        send(tmp_path, KEY, type="")
        run.until(lambda: who(PRINTER).type == "printer")
        assert who(PRINTER).value("owner") == "anna"
        changes = OperatorChanges(tmp_path, "anna", 8)
        changes.order("merge", KEY, f"mac:{DOCK}", "a dock")
        run.until(lambda: who(DOCK) is who(PRINTER))
        run.until(lambda: changes._base.execute("SELECT count(*) FROM words WHERE state = 'done'").fetchone()[0] == 1)
        changes.undo(changes.latest(KEY))
        run.until(lambda: who(DOCK) is not who(PRINTER))
        changes.close()
    with Run(tmp_path) as run:
        assert run.restored == 2
        assert run.story.who(DOCK) is not run.story.who(PRINTER)


def test_a_running_sensor_keeps_the_list_of_mutes(tmp_path: Path) -> None:
    """The tables follow the configured mute file while the sensor runs; a later reader finds the same file."""
    log, file = tmp_path / "events.jsonl", tmp_path / "etc" / "quiet.yaml"
    log.touch()
    file.parent.mkdir()
    mute = Mute(id="m1", detector="discovery.*", author="anna", reason="our scanner")

    def listed() -> list[str]:
        with open_folder(tmp_path) as data:
            return [row.id for row in mutes(data, now=1).rows]

    with Run(tmp_path, follow=log, mutes=file) as run:
        save_mutes(file, [mute])
        run.until(lambda: listed() == ["m1"])
        save_mutes(file, [mute.model_copy(update={"id": "m2"}), mute])
        run.until(lambda: listed() == ["m2", "m1"])
    save_mutes(file, [])
    make_ready(tmp_path, log)
    assert listed() == []


def test_what_is_reported_between_runs_is_received_at_the_start(tmp_path: Path) -> None:
    """Tags and commands between runs take effect at the start; each command is executed once."""
    with Run(tmp_path) as run:
        run.story.sends(PRINTER, "10.0.0.9", "http.server", "type=printer").sends(
            LAPTOP, "10.0.0.8", "http.server", "model=D"
        ).at(8)
    send(tmp_path, KEY, type="camera")
    changes = OperatorChanges(tmp_path, "anna", 8)
    changes.order("merge", KEY, f"mac:{LAPTOP}", "one")
    changes.close()
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


def test_corrections_of_a_merged_device_are_of_its_heir(tmp_path: Path) -> None:
    """Corrections of a merged device apply to its successor after restarts too."""
    with Run(tmp_path) as run:
        run.story.sends(PRINTER, "10.0.0.9", "http.server", "type=printer").sends(
            LAPTOP, "10.0.0.8", "http.server", "model=D"
        ).at(8)
        send(tmp_path, f"mac:{LAPTOP}", owner="anna")
        run.until(lambda: run.story.who(LAPTOP).value("owner") == "anna")
        changes = OperatorChanges(tmp_path, "anna", 8)
        changes.order("merge", KEY, f"mac:{LAPTOP}", "one")
        changes.close()
        run.until(lambda: run.story.who(LAPTOP) is run.story.who(PRINTER))
    with Run(tmp_path) as run:
        assert run.story.who(PRINTER).value("owner") == "anna"


def test_a_full_disk_stops_nothing(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is reported once, writes wait, and are done when there is space again."""
    from sensor.runtime import keeper as module

    monkeypatch.setattr(module, "RETRY_S", 0.01)
    full = [True]
    with Run(tmp_path) as run:
        write = run.keeper.store.write

        def refuse(entries: object, *, listed: bool) -> None:
            if full[0]:
                raise StoreError("database or disk is full")
            write(entries, listed=listed)  # type: ignore[arg-type]

        monkeypatch.setattr(run.keeper.store, "write", refuse)
        run.story.sends(PRINTER, "10.0.0.9", "http.server", "type=printer").at(8)
        run.until(lambda: bool(run.reported))
        for n in range(20):
            run.story.sends(f"00:17:c8:00:00:{n:02x}", "", "http.server", "type=printer").at(9 + n)
            began = time.monotonic()
            run.keeper._next = 0.0
            run.keeper.tick(run.story.ts)
            assert time.monotonic() - began < 10
        full[0] = False
        run.until(lambda: len(run.reported) == 2)
    golden(run.reported)
    with Run(tmp_path) as run:
        assert run.restored == 21


def test_other_knowledge_is_noticed(tmp_path: Path) -> None:
    """When fingerprints changed between two runs, all observations are evaluated again."""
    with Run(tmp_path) as run:
        run.story.sends(PRINTER, "10.0.0.9", "http.server", "type=printer").at(8)
    with Run(tmp_path, "two") as run:
        assert len(run.story.inventory.table.due) == 1
    with Run(tmp_path, "two") as run:
        assert len(run.story.inventory.table.due) == 0


SSH, SMB = 6 << 16 | 22, 6 << 16 | 445


def learned(folder: Path) -> None:
    """A run that learns which services a laptop uses on a printer."""
    with Run(folder) as run:
        run.story.sends(PRINTER, "10.0.0.9", "http.server", "type=printer").sends(
            LAPTOP, "10.0.0.8", "http.server", "model=D"
        ).at(8)
        run.learns(LAPTOP, PRINTER, SMB)
        run.learns(LAPTOP, PRINTER, SSH)


def test_what_was_learned_lasts_as_long_as_its_device(tmp_path: Path) -> None:
    """The next run has the baseline, with the observed time of the network; an invalid row is reported and skipped."""
    learned(tmp_path)
    with Run(tmp_path) as run:
        assert run.knows(LAPTOP, PRINTER, SMB)
        assert run.baseline.watched == (run.story.ts + 8 * 10**9, run.story.ts + 8 * 10**9)
        run.keeper.store.base.execute("UPDATE baseline SET habits = '[]'")
    with Run(tmp_path) as run:
        assert not run.knows(LAPTOP, PRINTER, SMB)
        assert run.reported == [f"{tmp_path / 'inventory.db'}: skipped 2 invalid baseline rows"]


def test_what_was_learned_is_written_now_and_then(tmp_path: Path) -> None:
    """The baseline is stored at every sweep, after the devices, so that a crash does not lose it."""
    with Run(tmp_path) as run:
        run.story.sends(PRINTER, "10.0.0.9", "http.server", "type=printer").sends(
            LAPTOP, "10.0.0.8", "http.server", "model=D"
        ).at(8)
        run.learns(LAPTOP, PRINTER, SMB)
        run.until(lambda: run.keeper.store.base.execute("SELECT count(*) FROM baseline").fetchone()[0] == 2)


def test_a_running_sensor_forgets_and_heeds_rules(golden: Golden, tmp_path: Path) -> None:
    """Forgetting a service, a device or everything, and allow and deny rules, take effect within about a second, until
    revoked.
    """
    learned(tmp_path)
    with Run(tmp_path) as run:
        changes = OperatorChanges(tmp_path, "anna", 8)
        key, names = f"mac:{LAPTOP}", [run.story.who(mac).id for mac in (LAPTOP, PRINTER)]
        changes.order("forget", key, "tcp/22", "")
        run.until(lambda: not run.knows(LAPTOP, PRINTER, SSH))
        assert run.knows(LAPTOP, PRINTER, SMB)
        changes.correct(
            [
                Correction(key, "allow", f"{names[0]} {names[1]} tcp/22"),
                Correction(key, "forbid", f"{names[0]} {names[1]} tcp/445"),
            ]
        )
        run.until(lambda: run.knows(LAPTOP, PRINTER, SSH))
        assert not run.knows(LAPTOP, PRINTER, SMB)
        assert changes.undo(str(run.keeper.store.rules()[0].number)) == f"allow {names[0]} {names[1]} tcp/22"
        run.until(lambda: not run.knows(LAPTOP, PRINTER, SSH))
        run.learns(LAPTOP, PRINTER, SSH)
        changes.order("forget", "*", "", "")
        run.until(lambda: len(run.baseline) == 0)
        run.until(
            lambda: changes._base.execute("SELECT count(*) FROM words WHERE state = 'pending'").fetchone()[0] == 0
        )
        with pytest.raises(StoreError) as raised:
            changes.undo(str(changes._base.execute("SELECT max(number) FROM words").fetchone()[0]))
        golden(str(raised.value))
        changes.close()
    with Run(tmp_path) as run:
        assert (len(run.baseline), [rule.allowed for rule in run.keeper.store.rules()]) == (0, [False])


def test_rules_about_a_merged_device_are_of_its_heir(tmp_path: Path) -> None:
    """Rules about a merged device apply to its successor as source and as destination."""
    learned(tmp_path)
    with Run(tmp_path) as run:
        names = [run.story.who(mac).id for mac in (LAPTOP, PRINTER)]
        run.story.sends(DOCK, "10.0.0.7", "http.server", "model=D").at(8)
        dock = run.story.who(DOCK).id
        changes = OperatorChanges(tmp_path, "anna", 8)
        changes.correct(
            [
                Correction(f"mac:{DOCK}", "allow", f"{dock} {names[1]} tcp/80"),
                Correction("*", "forbid", f"* {dock} tcp/80"),
            ]
        )
        changes.order("merge", f"mac:{LAPTOP}", f"mac:{DOCK}", "a dock")
        changes.close()
        run.until(lambda: run.story.who(DOCK) is run.story.who(LAPTOP))
    with Run(tmp_path) as run:
        assert [(rule.client, rule.server) for rule in run.keeper.store.rules()] == [
            (names[0], names[1]),
            ("*", names[0]),
        ]


def test_an_end_that_a_user_waits_for(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed devices are written first. Times of others may be skipped, which is reported; nothing else is lost."""
    run = Run(tmp_path)
    run.story.at(0)
    for number in range(150):
        run.story.sends(f"00:17:c8:00:00:{number:02x}", f"10.0.1.{number + 1}", "dhcp.hostname", f"PRN-{number}")
    run.story.at(10)
    run.until(lambda: run.keeper.persistence.waiting == 0)
    run.story.sends(PRINTER, "10.0.0.99", "dhcp.hostname", "LAST").at(20)
    for record in run.story.inventory.table.unidentified:
        record.last = run.story.ts
    monkeypatch.setattr("sensor.runtime.keeper.LAST_BATCH", 1)
    write = run.keeper.store.write
    monkeypatch.setattr(
        run.keeper.store, "write", lambda entries, *, listed: (time.sleep(0.1), write(entries, listed=listed))
    )
    began = time.monotonic()
    run.keeper.end(3.0)
    assert time.monotonic() - began < 14  # all of it would take fifteen
    [reported] = run.reported
    golden(re.sub(r"\d+ devices", "N devices", reported))
    monkeypatch.undo()
    with Run(tmp_path) as next_run:
        assert next_run.restored == 151
