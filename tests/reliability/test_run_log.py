"""A whole live run with a failing log: the packets are processed regardless, and the log reports the failure, in the
terms of the schema.
"""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sensor.config import Config, load_config
from sensor.core.batch import Batch
from sensor.eventlog.log_cursor import LogCursor
from sensor.runtime.daemon import Run
from tests.reliability.live_logs import BadDisk, numbers, open_log, record
from tests.runtime.test_daemon import FRAMES, SCHEMA, Given


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(None)


def run(config: Config, path: Path, source: Any, disk: BadDisk | None = None) -> list[dict[str, Any]]:
    """The records of the run, valid under the schema."""
    log = open_log(path, disk)
    try:
        Run(config, source, log, live=True).run()
    finally:
        log.close()
    reader = LogCursor(path)
    records: list[dict[str, Any]] = []
    while lines := reader.read():
        records += [json.loads(line) for _, line in lines]
    reader.close()
    for one in records:
        SCHEMA.validate(one)
    return records


def checks(records: list[dict[str, Any]]) -> list[str]:
    return [one["facts"]["check"] for one in records if "check" in one.get("facts", {})]


class Repaired(Given):
    """After the last frame the disk works again."""

    def __init__(self, disk: BadDisk, frames: list[Any]) -> None:
        super().__init__(frames, time.time_ns())
        self.disk = disk

    def batches(self) -> Iterator[Batch]:
        yield from super().batches()
        time.sleep(0.3)
        self.disk.write_error = 0
        time.sleep(1.2)


def test_a_disk_that_fails_for_a_while(config: Config, tmp_path: Path) -> None:
    """All frames are processed, and records of the failed period are in the log with a report of the delay."""
    disk = BadDisk()
    disk.write_error = errno.EIO
    source = Repaired(disk, [*FRAMES])
    records = run(config, tmp_path / "events.jsonl", source, disk)
    assert source.released == len(FRAMES)
    assert [one["action"] for one in records][0 :: len(records) - 1] == ["started", "stopped"]
    assert numbers(tmp_path / "events.jsonl") == list(range(1, len(records) + 1))
    assert "sensor.log_resumed" in checks(records)


def test_damages_of_an_earlier_run(config: Config, tmp_path: Path) -> None:
    """Damage of an earlier run is reported at once, with its place."""
    path = tmp_path / "events.jsonl"
    log = open_log(path)
    for number in range(3):
        log.write(record(number))
    log.close()
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0], b"\0" * len(lines[1]), lines[2]]) + b"\n")
    records = run(config, path, Given([*FRAMES], time.time_ns()))
    reported = next(one for one in records if one.get("facts", {}).get("check") == "sensor.log_damaged")
    assert reported["severity"] == "medium"
    assert reported["facts"]["damages"] == ["00000000000000000001.jsonl:2: no record"]
    assert [one["sensor"]["seq"] for one in records][2:] == list(range(4, len(records) + 2))
