"""kill -9 at any time: no row that was passed on is lost, and no row is duplicated."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sensor.records.batch import FLOW_BITS
from sensor.records.block import CONNECTION
from sensor.records.manifest import OF_DAY, Manifest
from sensor.records.paths import MANIFEST
from sensor.records.process import write_replay
from sensor.records.writer import Writer
from tests import forked
from tests.records.kit_records import rows, table
from tests.sampling import chance, repeated
from tests.waiting import until

KILLS = repeated(100, 4)
BLOCKS = 200  # of 50 seconds each: the first day has several hours, which are merged
FLOW = (1 << FLOW_BITS) - 1


def started(script: str, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", f"tests.records.{script}", *words]
    process = forked.started(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def killed(process: subprocess.Popen[str]) -> str:
    """The last complete line it printed."""
    assert process.poll() is None, "it ended by itself"
    process.kill()
    messages, _ = process.communicate()
    lines = messages.rpartition("\n")[0].splitlines()
    return lines[-1] if lines else ""


def levels(folder: Path) -> set[int]:
    """How far the files of connections are merged."""
    manifest = Manifest(folder / MANIFEST)
    try:
        return {file.compact for file in manifest.files("conn")}
    finally:
        manifest.close()


@pytest.mark.endurance
def test_killed_writers_and_engines_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """Writer and engine run at the same time, and each is killed repeatedly while it works."""
    moments, promised, begin = chance("kill"), set[int](), 1
    for kill in range(KILLS):
        engine, writer = started("kill_engine", str(tmp_path), str(begin)), started("kill_writer", str(tmp_path))
        for _ in range(BLOCKS if kill == 0 else 0):
            assert engine.stdout is not None
            assert engine.stdout.readline()
        time.sleep(moments.uniform(0, 0.4))
        if kill < KILLS - 1:
            killed(writer)
        reached = int(killed(engine) or begin)
        promised |= set(range(begin, reached))
        begin = reached + 100_000  # seconds: another day, so that the one before is merged
    until(lambda: OF_DAY in levels(tmp_path), apart_s=0.1)
    killed(writer)
    write_replay(tmp_path, 5, print, lambda: True)
    assert OF_DAY in levels(tmp_path)
    flows = [row["uid"] & FLOW for row in rows(tmp_path, "conn")]
    assert len(flows) == len(set(flows))
    assert promised <= set(flows)
    assert len(promised) > KILLS * 50
    assert not list((tmp_path / "tail").glob("*.tail"))


def test_the_files_that_are_there_are_those_of_the_manifest(tmp_path: Path) -> None:
    """Incomplete files of a killed writer are removed by the next one."""
    engine = started("kill_engine", str(tmp_path), "1")
    assert engine.stdout is not None
    assert engine.stdout.readline()  # the second block was accepted: the first is written
    killed(engine)
    (tmp_path / "conn").mkdir()
    for name in ("1-a.new", "1-a.parquet"):
        (tmp_path / "conn" / name).write_bytes(b"half")
    write_replay(tmp_path, 5, print, lambda: True)
    assert {path.name[:3] for path in (tmp_path / "conn").iterdir()} == {"0-1"}
    assert len(table(tmp_path, "conn")) >= 50
    assert CONNECTION.itemsize == 160


def test_a_file_that_an_engine_is_beginning_is_left_alone(tmp_path: Path) -> None:
    """Only a file begun an hour ago belongs to a killed engine."""
    writer = Writer(tmp_path, print, clock=lambda: 10_000.0)
    (tmp_path / "tail").mkdir()
    for name, begun in (("young", 9_990.0), ("old", 5_000.0)):
        path = tmp_path / "tail" / f"{name}.fresh"
        path.touch()
        os.utime(path, (begun, begun))
    writer.write()
    writer.close()
    assert [path.stem for path in (tmp_path / "tail").iterdir()] == ["young"]
