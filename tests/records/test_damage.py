"""Damaged files: a result has all other rows and names the file; a flipped bit is never returned as data."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sensor.records.hunt_tests import _table
from sensor.records.manifest import ManifestError
from sensor.records.paths import MANIFEST
from sensor.records.query import Query, Range
from sensor.records.readable import readable
from sensor.records.writer import ProcessedRows, Writer
from tests.records.kit_records import office_records, rows
from tests.sampling import chance, drawn, repeated

pytestmark = pytest.mark.usefixtures("queries_within")

HOURS, ROWS = 6, 40
TRIALS = 250  # of each kind of damage


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Connections of several hours, a file each."""
    made = tmp_path_factory.mktemp("sound") / "records"
    writer = Writer(made, print)
    for hour in range(HOURS):
        one = ProcessedRows({}, {})
        some = [
            {"ts": hour * 3600 + row, "uid": hour * 100 + row, "src_ip": f"10.0.{hour}.{row}"} for row in range(ROWS)
        ]
        one.add("conn", hour, _table("conn", some))
        writer.save(one)
    writer.close()
    return made


def _flip(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def _cut(path: Path, rng: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size)])


def _zero(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    begin = rng.randrange(len(data) - 16)
    data[begin : begin + 16] = bytes(16) if any(data[begin : begin + 16]) else b"\xff" * 16
    path.write_bytes(data)


def _empty(path: Path, rng: random.Random) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _delete(path: Path, rng: random.Random) -> None:
    path.unlink()


DAMAGES: tuple[Callable[[Path, random.Random], None], ...] = (_flip, _cut, _zero, _delete)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_costs_its_own_rows_and_is_named(
    damage: Callable[[Path, random.Random], None], folder: Path, tmp_path: Path
) -> None:
    for trial in drawn(range(TRIALS), 10, damage.__name__):
        rng, place = random.Random(trial), tmp_path / str(trial)
        shutil.copytree(folder, place)
        broken = rng.choice(sorted(place.glob("conn/*.parquet")))
        damage(broken, rng)
        sound, faults = readable(place, Range())
        assert len(sound) == HOURS - 1, (damage, trial)
        assert [broken.name in fault for fault in faults] == [True]
        read = [row for file in sound for row in pq.read_table(place / file.name, partitioning=None).to_pylist()]
        lost = int(broken.name.partition("-")[0])
        assert {row["uid"] for row in read} == {
            hour * 100 + row for hour in range(HOURS) for row in range(ROWS) if hour != lost
        }
        shutil.rmtree(place)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_query_answers_with_the_rest(
    damage: Callable[[Path, random.Random], None], folder: Path, tmp_path: Path
) -> None:
    place = tmp_path / "records"
    shutil.copytree(folder, place)
    damage(sorted(place.glob("conn/*.parquet"))[2], random.Random(3))
    query = Query(place)
    try:
        assert query.run("SELECT count(*), count(DISTINCT uid) FROM conn").rows == [[(HOURS - 1) * ROWS] * 2]
        assert len(query.left_out) == 1
    finally:
        query.close()


@pytest.mark.endurance
def test_damaged_files_of_all_tables_cost_their_rows(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A flipped bit, a truncated file, zeros, no file: any file, any position."""
    luck, office = chance("damage"), office_records(tmp_path_factory)
    files = sorted(path.relative_to(office) for path in office.glob("*/*.parquet"))
    sizes = {path.parent.name: len(rows(office, path.parent.name)) for path in files}
    for number in range(repeated(200, 4)):
        folder = tmp_path / str(number)
        shutil.copytree(office, folder, copy_function=shutil.copy2)
        victim = luck.choice(files)
        luck.choice([_flip, _cut, _empty, _delete])(folder / victim, luck)
        query = Query(folder)
        assert len(query.left_out) == 1
        assert query.left_out[0].startswith(str(victim))
        for name, size in sizes.items():
            assert query.run(f"SELECT count(*) FROM {name}").rows == [[0 if name == victim.parent.name else size]]
        query.close()
        shutil.rmtree(folder)


def test_a_manifest_that_cannot_be_used_does_not_stay_locked(tmp_path: Path) -> None:
    """A process that cannot write lets others try: they get the fault, and not that the folder is busy."""
    with contextlib.closing(sqlite3.connect(tmp_path / MANIFEST)) as base:
        base.execute("PRAGMA user_version = 99")
    for _ in range(2):
        with pytest.raises(ManifestError):
            Writer(tmp_path, print)
    (tmp_path / MANIFEST).unlink()
    Writer(tmp_path, print).close()
