"""Files of completed hours and days are merged, with the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sensor.records import upkeep as upkeep_module
from sensor.records.hunt_tests import START_S, _table
from sensor.records.manifest import NEW, OF_DAY, OF_HOUR
from sensor.records.upkeep import Span, Upkeep
from sensor.records.writer import ProcessedRows, Writer
from tests.records.kit_records import rows

HOUR_0 = START_S // 3600


@pytest.fixture
def upkeep(tmp_path: Path) -> Iterator[Upkeep]:
    writer = Writer(tmp_path, print, durable=False)
    yield Upkeep(writer, None, 5)
    writer.close()


def written(upkeep: Upkeep, hour: int, first: int, count: int = 10) -> None:
    """Connections of an hour, in a separate file."""
    made = ProcessedRows({}, {})
    some = [{"ts": hour * 3600 + number, "uid": hour * 10_000 + number} for number in range(first, first + count)]
    made.add("conn", HOUR_0 + hour, _table("conn", some))
    upkeep.writer.save(made)


def levels(upkeep: Upkeep) -> list[tuple[int, int]]:
    """Hour and level of each file."""
    return [(file.hour - HOUR_0, file.compact) for file in upkeep.manifest.files("conn")]


def uids(upkeep: Upkeep) -> list[int]:
    return [row["uid"] for row in rows(upkeep.writer.folder, "conn")]


def test_an_hour_then_a_day(upkeep: Upkeep) -> None:
    """Files of the current hour are not merged, and the current day keeps its files of hours."""
    for hour in range(26):
        for part in range(3):
            written(upkeep, hour, part * 10)
    before = uids(upkeep)
    assert upkeep.compact() == 26  # 25 hours, and one day of them
    assert levels(upkeep) == [(0, OF_DAY), (24, OF_HOUR), *[(25, NEW)] * 3]
    assert uids(upkeep) == before
    assert len(set(before)) == len(before) == 26 * 30
    assert upkeep.compact() == 0
    upkeep.delete(0.0)
    assert len(list((upkeep.writer.folder / "conn").iterdir())) == 5


def test_the_rows_of_a_day_are_in_the_order_of_time(upkeep: Upkeep) -> None:
    for hour in (5, 3, 4, 24):
        written(upkeep, hour, 0)
    upkeep.compact()
    (day,) = [file for file in upkeep.manifest.files("conn") if file.compact == OF_DAY]
    times = pq.read_table(upkeep.writer.folder / day.name, partitioning=None)["ts"].to_pylist()
    assert times == sorted(times)
    assert (day.hour - HOUR_0, day.rows) == (3, 30)


def test_connections_that_end_late_leave_few_files(upkeep: Upkeep) -> None:
    """Rows for an old hour arrive one at a time: the number of files grows logarithmically."""
    written(upkeep, 0, 0, 500)
    written(upkeep, 30, 0)
    for number in range(500, 540):
        written(upkeep, 0, number, 1)
        upkeep.compact()
    late = [file.rows for file in upkeep.manifest.files("conn") if file.hour == HOUR_0]
    assert sum(late) == 540
    assert len(late) <= 8
    assert len(uids(upkeep)) == len(set(uids(upkeep))) == 550


def test_a_day_of_many_rows_is_several_files(upkeep: Upkeep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep_module, "DAY", Span(24, OF_DAY, 25))
    for hour in (0, 1, 2, 3, 4, 24):
        written(upkeep, hour, 0)
    assert upkeep.compact() == 2
    assert [file.rows for file in upkeep.manifest.files("conn")] == [20, 20, 10, 10]


def test_a_damaged_file_costs_its_own_rows(upkeep: Upkeep) -> None:
    for hour in (0, 1, 2, 24):
        written(upkeep, hour, 0)
    victim = upkeep.manifest.files("conn")[1]
    path = upkeep.writer.folder / victim.name
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert upkeep.compact() == 1
    assert [hour for hour, _ in levels(upkeep)] == [0, 24]
    assert {uid // 10_000 for uid in uids(upkeep)} == {0, 2, 24}
    assert [name for _, name, _ in upkeep.manifest.damages()] == [victim.name]


def test_a_short_replay_keeps_its_files(upkeep: Upkeep) -> None:
    """A few files are read as fast as one; a capture of a week becomes a file for each day."""
    for hour in range(3):
        written(upkeep, hour, 0)
    assert upkeep.compact(final=True) == 0
    for hour in range(3, 48):
        written(upkeep, hour, 0)
    assert upkeep.compact(final=True) == 2
    assert levels(upkeep) == [(0, OF_DAY), (24, OF_DAY)]


def test_a_day_of_few_requests_is_small(upkeep: Upkeep) -> None:
    """Ten requests an hour: the metadata of columns does not dominate the file size."""
    for hour in range(25):
        made = ProcessedRows({}, {})
        some = [_request(hour, number) for number in range(10)]
        made.add("http", HOUR_0 + hour, _table("http", some))
        upkeep.writer.save(made)
    before = rows(upkeep.writer.folder, "http")
    upkeep.compact()
    day, _ = upkeep.manifest.files("http")
    assert (day.rows, day.compact) == (240, OF_DAY)
    assert day.size <= 50 * day.rows
    assert rows(upkeep.writer.folder, "http") == before


def _request(hour: int, number: int) -> dict[str, object]:
    """A request of one of twenty clients."""
    place = hour * 10 + number
    return {
        "ts": hour * 3600 + number * 331.7,
        "uid": place * 17 + 1,
        "src_ip": f"10.0.0.{place % 20}",
        "src_port": 40_000 + place * 7919 % 20_000,
        "src_device": f"dev-{place % 20:05x}",
        "dst_ip": "198.51.100.7",
        "dst_port": 80,
        "proto": "tcp",
        "method": "GET",
        "host": f"www{place % 9}.example.com",
        "uri": f"/status/{place % 13}?client={place % 20}",
        "user_agent": f"Agent/{place % 3}.0 (Linux)",
        "status": 200,
        "content_type": "text/html",
        "response_size": place * 7 % 4_096,
    }


def test_records_are_kept_for_some_days_and_up_to_a_size(upkeep: Upkeep) -> None:
    """Days count back from the newest record, but not from one in the future, from before the clock was corrected."""
    for hour in (0, 30, 60):
        written(upkeep, hour, 0)
    upkeep.days, upkeep.writer.clock = 2, lambda: START_S + 61 * 3600
    assert upkeep.limit() == 1
    assert levels(upkeep) == [(30, NEW), (60, NEW)]
    written(upkeep, 1000, 0)
    assert upkeep.limit() == 0
    upkeep.days, upkeep.gib = None, 2.5 * upkeep.manifest.files("conn")[0].size / (1 << 30)
    assert upkeep.limit() == 1
    assert levels(upkeep) == [(60, NEW), (1000, NEW)]
