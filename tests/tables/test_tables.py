"""The tables match the log for any batch sizes, with damaged lines, and after the process was killed."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sensor.inventory.store.database import FILE, UnusableStore, connect
from sensor.inventory.store.store import Store
from sensor.tables.build import behind, catch_up, of_log, rebuild
from sensor.tables.ready import make_ready
from sensor.tables.tables import Tables
from tests import sampling
from tests.offices import copy_of_office
from tests.perf.made_records import lines as made_lines
from tests.perf.made_records import write_log
from tests.tables.stored import count, filler, held

ROOT = Path(__file__).resolve().parents[2]
LOG = "events.jsonl"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a replay of the office, whose lists were filled by the first reader."""
    folder = copy_of_office(tmp_path_factory)
    with closing(connect(folder / FILE)) as base:
        assert behind(base, folder / LOG)
        assert count(base, "alerts") == count(base, "device_rows") == 0
    catch_up(folder, folder / LOG)
    with closing(connect(folder / FILE)) as base:
        assert not behind(base, folder / LOG)
    return folder


def copy_of(folder: Path, where: Path) -> Path:
    shutil.copytree(folder, where)
    return where


def advanced(folder: Path, sizes: list[int]) -> dict[str, Any]:
    """The tables of a log that was read in batches of these sizes, repeated."""
    store = Store(folder)
    tables, turn = Tables(store.base, folder / LOG), 0
    while tables.advance(sizes[turn % len(sizes)]):
        turn += 1
    tables.close()
    store.close()
    return held(folder)


def test_first_reader_gets_what_rebuild_makes(office: Path, tmp_path: Path) -> None:
    """The office has seven alerts and three incidents; tables rebuilt from the log are the same,
    for any batch sizes.
    """
    folder = copy_of(office, tmp_path / "copy")
    before = held(folder)
    assert len(before["alerts"]) == 7
    assert len(before["incidents"]) == 3
    assert before["position"][0] == len((folder / LOG).read_bytes().splitlines())
    assert rebuild(folder, folder / LOG).records == before["position"][0]
    assert held(folder) == before
    for sizes in ([1], [7, 2]):
        (folder / FILE).unlink()
        assert advanced(folder, sizes) == before


def test_log_alone_gives_the_same_alerts_and_its_devices(office: Path) -> None:
    """A log that is read without an inventory has the same alerts, and every device with its evidence."""
    with closing(of_log(office / LOG)) as base, closing(connect(office / FILE)) as kept:
        alerts = "SELECT id, summary FROM alerts ORDER BY number"
        assert base.execute(alerts).fetchall() == kept.execute(alerts).fetchall()
        assert count(base, "device_rows") == count(kept, "device_rows") > 30
        (record,) = base.execute("SELECT record FROM device_records LIMIT 1").fetchone()
        assert json.loads(record)["evidence"]
        with pytest.raises(sqlite3.OperationalError):
            base.execute("DELETE FROM alerts")


def test_damaged_lines_cost_themselves_only(office: Path, tmp_path: Path) -> None:
    """Invalid JSON, a record with other types, half a line and an invalid number are skipped; all else is the same for
    any batch sizes.
    """
    folder = tmp_path / "damaged"
    folder.mkdir()
    lines = (office / LOG).read_bytes().splitlines()
    alerts = [place for place, line in enumerate(lines) if b'"kind":"alert"' in line]
    lines[3] = b"\x00\xff" * 100
    lines[alerts[0]] = lines[alerts[0]].replace(b'"alert":{', b'"alert":[],"was":{', 1)
    lines[20] = lines[20][: len(lines[20]) // 2]
    lines[30] = lines[30].replace(b'"seq":31', b'"seq":9000031')
    (folder / LOG).write_bytes(b"\n".join(lines) + b'\n{"ts":"2026')
    one = advanced(folder, [1000])
    assert one["position"][0] == len(lines)
    assert one["position"][3] == 1
    assert 5 <= len(one["alerts"]) <= 7
    (folder / FILE).unlink()
    assert advanced(folder, [1, 5]) == one
    rebuild(folder, folder / LOG)
    assert held(folder) == one


@pytest.mark.parametrize("seed", sampling.drawn(range(6), 1, "kills of tables"))
def test_killed_at_any_moment_it_goes_on(seed: int, tmp_path: Path) -> None:
    """After kill -9 between batches, three times, the next process continues, and no row is repeated or missing."""
    draw, whole = random.Random(seed), tmp_path / "whole"
    whole.mkdir()
    write_log(whole / LOG, 3000, seed)
    killed = copy_of(whole, tmp_path / "killed")
    for _ in range(3):
        with filler(killed, draw.choice((10, 50))) as process:
            assert process.stdout is not None
            for _ in range(draw.randrange(1, 25)):
                process.stdout.readline()
            os.kill(process.pid, signal.SIGKILL)
            process.stdout.read()
    before = held(killed)["position"][0]
    assert 0 < before < 3000
    assert catch_up(killed, killed / LOG).records == 3000 - before
    rebuild(whole, whole / LOG)
    assert held(killed) == held(whole)


def test_tables_of_an_earlier_sensor_that_were_not_finished(tmp_path: Path) -> None:
    """Versions 5 to 7 loaded without indexes and set a mark meanwhile: tables with that mark are rebuilt."""
    write_log(tmp_path / LOG, 300)
    store = Store(tmp_path)
    tables = Tables(store.base, tmp_path / LOG)
    assert tables.advance(100) == 100
    store.base.execute("UPDATE log_position SET whole = 0")
    tables.close()
    store.close()
    assert catch_up(tmp_path, tmp_path / LOG).records == 300
    found = held(tmp_path)
    rebuild(tmp_path, tmp_path / LOG)
    assert held(tmp_path) == found


def test_log_that_began_again_is_another_log(tmp_path: Path) -> None:
    """A replay truncates its log and writes another one: no row of the first one remains, before or after."""
    write_log(tmp_path / LOG, 40, seed=1)
    store = Store(tmp_path)
    tables = Tables(store.base, tmp_path / LOG)
    assert tables.advance() == 40
    write_log(tmp_path / LOG, 30, seed=2)
    while tables.advance():
        pass
    tables.close()
    store.close()
    again = held(tmp_path)
    assert len(again["alerts"]) == 30
    write_log(tmp_path / LOG, 50, seed=3)
    assert catch_up(tmp_path, tmp_path / LOG).note
    found = held(tmp_path)
    rebuild(tmp_path, tmp_path / LOG)
    assert held(tmp_path) == found
    assert len(found["alerts"]) == 50


def test_log_that_got_shorter_is_noticed_by_its_readers(tmp_path: Path) -> None:
    """Another replay into the same folder has fewer records: its reader sees those, and none of the first."""
    write_log(tmp_path / LOG, 40, seed=1)
    assert make_ready(tmp_path, tmp_path / LOG).usable
    assert make_ready(tmp_path, tmp_path / LOG).note == ""
    write_log(tmp_path / LOG, 30, seed=2)
    assert make_ready(tmp_path, tmp_path / LOG).note
    found = held(tmp_path)
    assert len(found["alerts"]) == 30
    rebuild(tmp_path, tmp_path / LOG)
    assert held(tmp_path) == found


def test_log_that_is_gone_leaves_the_tables(tmp_path: Path) -> None:
    """Without a log there is no contradiction: the tables stay."""
    write_log(tmp_path / LOG, 10)
    catch_up(tmp_path, tmp_path / LOG)
    (tmp_path / LOG).unlink()
    assert catch_up(tmp_path, tmp_path / LOG).records == 0
    assert len(held(tmp_path)["alerts"]) == 10


def test_damaged_store_is_made_again_from_the_log(office: Path, tmp_path: Path) -> None:
    """A store with overwritten pages is renamed, readable devices are saved, the tables are rebuilt from the log, and
    this is reported.
    """
    folder = copy_of(office, tmp_path / "copy")
    before = held(folder)
    with (folder / FILE).open("r+b") as file:
        file.seek(8192 * 3)
        file.write(random.Random(1).randbytes(8192 * 30))
    built = catch_up(folder, folder / LOG)
    assert f"{FILE}.damaged-1" in built.note
    assert (folder / f"{FILE}.damaged-1").is_file()
    assert held(folder) == before


def test_store_of_a_newer_sensor_is_refused(tmp_path: Path) -> None:
    """The store is not changed."""
    write_log(tmp_path / LOG, 3)
    catch_up(tmp_path, tmp_path / LOG)
    with closing(connect(tmp_path / FILE)) as base:
        base.execute("PRAGMA user_version = 99")
    with pytest.raises(UnusableStore):
        catch_up(tmp_path, tmp_path / LOG)
    with pytest.raises(UnusableStore):
        rebuild(tmp_path, tmp_path / LOG)


def test_two_findings_of_one_id_are_two_alerts(tmp_path: Path) -> None:
    """Ids of thirty bits collided at some sites: the second finding gets another id, and its updates find it."""
    one, other = (json.loads(line) for line in made_lines(2))
    other["alert"]["id"] = one["alert"]["id"]
    again = {**other, "severity": "critical", "sensor": {**other["sensor"], "seq": 3}}
    (tmp_path / LOG).write_text("".join(json.dumps(record) + "\n" for record in (one, other, again)), encoding="utf-8")
    name = one["alert"]["id"]
    found = advanced(tmp_path, [1])
    assert [(row[0], row[12]) for row in found["alerts"]] == [(name, found["alerts"][0][12]), (f"{name}-2", 4)]
    rebuild(tmp_path, tmp_path / LOG)
    assert held(tmp_path) == found


def test_id_that_was_made_for_one_finding_and_is_named_by_another(tmp_path: Path) -> None:
    """Another program's log uses the id assigned to a second finding, with its key: one alert, its last record."""
    one, other, third = (json.loads(line) for line in made_lines(3))
    other["alert"]["id"] = one["alert"]["id"]
    third["alert"] |= {"id": f"{one['alert']['id']}-2", "key": other["alert"]["key"]}
    (tmp_path / LOG).write_text("".join(json.dumps(record) + "\n" for record in (one, other, third)), encoding="utf-8")
    found = advanced(tmp_path, [1])
    assert [row[8] for row in found["alerts"]] == [1, 3]
    rebuild(tmp_path, tmp_path / LOG)
    assert held(tmp_path) == found


def test_what_the_log_lets_go_the_tables_let_go(tmp_path: Path) -> None:
    """Alerts of removed segments are deleted with their endpoints and texts; texts of the others are still found."""
    folder = tmp_path / "events.segments"
    folder.mkdir()
    lines = list(made_lines(60))
    for first in (1, 31):
        (folder / f"{first:020d}.jsonl").write_bytes(b"\n".join(lines[first - 1 : first + 29]) + b"\n")
    (tmp_path / LOG).symlink_to(f"events.segments/{31:020d}.jsonl")
    store = Store(tmp_path)
    tables = Tables(store.base, tmp_path / LOG)
    assert tables.advance() == 60
    (folder / f"{1:020d}.jsonl").unlink()
    tables.tidy()
    tables.close()
    store.close()
    pruned = held(tmp_path)
    assert len(pruned["alerts"]) == 30
    rebuild(tmp_path, tmp_path / LOG)
    made = held(tmp_path)
    for name in ("alerts", "groups", "parties", "timeline"):
        assert made[name] == pruned[name], name


def test_notes_count_whenever_they_come(tmp_path: Path) -> None:
    """Notes on an alert that is known, comes later, or never; a partial line waits for its end. The result is the same
    for any batch sizes.
    """
    write_log(tmp_path / LOG, 20)
    names = [json.loads(line)["alert"]["id"] for line in made_lines(20)]
    notes = tmp_path / "events.notes.jsonl"
    words = [
        ("close", names[0], ""),
        ("assign", names[1], "anna"),
        ("verdict", names[0], "benign"),
        ("reopen", names[0], ""),
        ("close", "alert-none", ""),
    ]
    text = "".join(
        json.dumps({"ts": "2026-11-24T09:00:00Z", "alert": name, "action": action, "by": "bert", "value": value}) + "\n"
        for action, name, value in words
    )
    notes.write_text(f'{text}no note\n{{"ts":"2026-11-24T09:00:00Z","alert":"{names[2]}",', encoding="utf-8")
    one = advanced(tmp_path, [3])
    assert [(row[0], row[11], row[14], row[15]) for row in one["alerts"][:2]] == [
        (names[0], "open", "benign", ""),
        (names[1], one["alerts"][1][11], "", "anna"),
    ]
    with notes.open("a", encoding="utf-8") as file:
        file.write('"action":"acknowledge","by":"bert"}\n')
    catch_up(tmp_path, tmp_path / LOG)
    late = held(tmp_path)
    assert (late["alerts"][2][11], len(late["words"])) == ("acknowledged", 6)
    rebuild(tmp_path, tmp_path / LOG)
    assert held(tmp_path) == late
    (tmp_path / FILE).unlink()
    assert advanced(tmp_path, [7, 1]) == late
