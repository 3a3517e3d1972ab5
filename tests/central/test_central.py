"""Records in an object store: what a sensor uploads, and what the hub gets back, also from a hostile store."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sensor.central.cache import Cache, Owner, TooLarge
from sensor.central.days import day_name, folder_of, read_day
from sensor.central.settings import ObjectStore
from sensor.central.uploader import GRACE_S
from sensor.core.output import Retry
from sensor.outputs.transport.nkeys import USER, KeyPair
from sensor.records.query import Query
from sensor.records.readable import Range
from sensor.records.writer import HOUR_US
from tests.central.store import S3Server, Sensor

pytestmark = pytest.mark.usefixtures("queries_within")

PLACE = "fleet/HQ/office-1/"
QUERY = "SELECT dst_port, count(*) AS n FROM conn GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20"
MIB, ALL = 1 << 20, Range()


@pytest.fixture
def sensor(server: S3Server, records: Path, tmp_path: Path) -> Sensor:
    """A sensor that has written one whole hour, and the begin of the next."""
    server.empty()
    made = Sensor(server, records, tmp_path / "records")
    made.write("coverage")
    return made


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", 10 * MIB)


def owner(sensor: Sensor) -> Owner:
    return Owner(sensor.pair.public, "office-1", "HQ")


def rows_of(folder: Path, within: Range = ALL) -> list[list[object]]:
    query = Query(folder, within)
    try:
        return query.run(QUERY).rows
    finally:
        query.close()


def fetched(cache: Cache, sensor: Sensor, within: Range = ALL) -> tuple[Path, list[str], int]:
    with cache.fetched(sensor.objects, owner(sensor), within) as found:
        assert found is not None
        return found


def test_records_arrive_whole(sensor: Sensor, server: S3Server, cache: Cache) -> None:
    """All files of the finished hour; a query gives the same rows as at the sensor. Nothing is uploaded twice."""
    closed = [file for file in sensor.files() if file.hour < max(one.hour for one in sensor.files())]
    assert sensor.uploader.turn() == len(closed) > 5
    assert sum(name.startswith(f"{PLACE}files/") for name in server.names()) == len({file.crc for file in closed})
    folder, missing, until = fetched(cache, sensor)
    assert (missing, until) == ([], (closed[0].hour + 1) * HOUR_US)
    assert rows_of(folder) == rows_of(sensor.folder)
    assert sensor.uploader.turn() == 0
    assert sensor.started().turn() == 0
    assert rows_of(fetched(cache, sensor)[0]) == rows_of(sensor.folder)


def test_a_large_file_is_uploaded_in_parts(server: S3Server, tmp_path: Path) -> None:
    """Progress is reported while it lasts, so that the service manager does not end a slow upload."""
    path, parts = tmp_path / "large.parquet", []
    path.write_bytes(os.urandom(30 * MIB))
    server.objects().put_file("large", path, lambda: parts.append(1))
    assert len(parts) > 3
    assert _body(server, "fleet/large") == path.read_bytes()


def test_an_unfinished_hour_stays_at_the_sensor(server: S3Server, records: Path, tmp_path: Path) -> None:
    """The hour that is written, and one whose files will be compacted soon."""
    server.empty()
    sensor = Sensor(server, records, tmp_path / "records")
    assert sensor.uploader.turn() == 0
    sensor.write("conn", 0)
    sensor.write("coverage")
    assert sensor.uploader.turn() == 0
    assert server.names() == []


def test_compacted_files_replace_those_of_the_hours(sensor: Sensor, server: S3Server, cache: Cache) -> None:
    """The list changes at once; the replaced object stays for queries that run, and is deleted later."""
    sensor.uploader.turn()
    [old] = [file for file in sensor.files() if file.table == "conn"]
    before = set(server.names())
    sensor.replace([old], [sensor.compacted(old)])
    assert sensor.uploader.turn() == 1
    assert len(set(server.names()) - before) == 1
    assert rows_of(fetched(cache, sensor)[0]) == rows_of(sensor.folder)
    assert before <= set(server.names())
    sensor.now += GRACE_S + 1
    sensor.uploader.turn()
    assert len(before - set(server.names())) == 1


def test_central_records_outlive_those_of_the_sensor(sensor: Sensor, server: S3Server, cache: Cache) -> None:
    """The sensor deletes old files; the store keeps them."""
    sensor.uploader.turn()
    expected = rows_of(sensor.folder)
    sensor.replace([file for file in sensor.files() if file.table == "conn"], [])
    sensor.uploader.turn()
    sensor.now += 2 * GRACE_S
    sensor.started().turn()
    assert rows_of(sensor.folder) == []
    assert rows_of(fetched(cache, sensor)[0]) == expected


def test_a_hostile_store(sensor: Sensor, server: S3Server, cache: Cache) -> None:
    """Changed, missing and foreign objects are named, and their rows are not used."""
    sensor.uploader.turn()
    [conn] = [file for file in sensor.files() if file.table == "conn"]
    [day] = [name for name in server.names() if "/days/" in name]
    listed = read_day(_body(server, day), sensor.pair.public, "office-1", "HQ", int(Path(day).stem))
    [entry] = [one for one in listed.files if one.table == "conn"]
    whole = _body(server, f"{PLACE}files/{entry.sha256}.parquet")
    server.change(f"{PLACE}files/{entry.sha256}.parquet", whole[:-10] + b"0123456789")
    folder, missing, _ = fetched(cache, sensor)
    assert [f"{conn.rows:,} rows" in line for line in missing] == [True]
    assert rows_of(folder) == []
    server.change(f"{PLACE}files/{entry.sha256}.parquet", whole + bytes(50 * MIB))
    assert len(fetched(cache, sensor)[1]) == 1
    server.client.delete_object(Bucket="sensor-records", Key=f"{PLACE}files/{entry.sha256}.parquet")
    assert len(fetched(cache, sensor)[1]) == 1
    server.change(f"{PLACE}files/{entry.sha256}.parquet", whole)
    assert fetched(cache, sensor)[1] == []
    server.change(day, _body(server, day).replace(b"conn", b"dns_"))
    folder, missing, until = fetched(cache, sensor)
    assert (len(missing), until) == (1, 0)


def test_a_list_in_the_place_of_another_day(sensor: Sensor, server: S3Server, cache: Cache) -> None:
    """Its signature is valid, but the files of that day are missing."""
    sensor.uploader.turn()
    [day] = [name for name in server.names() if "/days/" in name]
    server.change(f"{PLACE}{day_name(int(Path(day).stem) + 1)}", _body(server, day))
    assert len(fetched(cache, sensor)[1]) == 1


def test_a_sensor_in_the_place_of_another(
    sensor: Sensor, server: S3Server, records: Path, cache: Cache, tmp_path: Path
) -> None:
    """The list of another key is not read, even if it states the same name."""
    foreign = Sensor(server, records, tmp_path / "foreign", KeyPair.generate(USER))
    foreign.write("coverage")
    foreign.uploader.turn()
    assert len(fetched(cache, sensor)[1]) == 1
    with cache.fetched(sensor.objects, Owner(sensor.pair.public, "paris-1", "Paris"), ALL) as found:
        assert found is None


def test_ranges_and_the_size_of_the_cache(sensor: Sensor, server: S3Server, tmp_path: Path) -> None:
    """Only files of the range are downloaded; too many are refused, and old ones make room."""
    sensor.uploader.turn()
    first = min(file.first for file in sensor.files())
    after = Range(first + 2 * HOUR_US, None)
    size = sum(file.size for file in sensor.files() if file.table != "coverage")
    cache = Cache(tmp_path / "cache", size + 4000)
    folder, _, _ = fetched(cache, sensor)
    names = {path.name for path in folder.glob("*.parquet")}
    assert rows_of(fetched(cache, sensor, after)[0], after) == []
    assert {path.name for path in folder.glob("*.parquet")} == names
    with pytest.raises(TooLarge):
        fetched(Cache(tmp_path / "small", size // 2), sensor)
    other = folder.parent / "other"
    other.mkdir()
    (other / f"{'0' * 64}.parquet").write_bytes(bytes(8000))
    fetched(cache, sensor)
    assert list(other.iterdir()) == []


def test_a_store_that_cannot_be_used(sensor: Sensor, server: S3Server) -> None:
    """A bucket that does not exist, and a closed port; the message does not contain the key."""
    for change in ({"bucket": "missing-bucket"}, {"endpoint": "http://127.0.0.1:9"}):
        settings = ObjectStore.model_validate(server.options() | change)
        sensor.objects.__init__(settings)  # type: ignore[misc]
        with pytest.raises(Retry) as caught:
            sensor.started().turn()
        assert "secret-key" not in str(caught.value)


@pytest.mark.parametrize(
    "endpoint",
    ["http://s3.example.net", "ftp://s3.example.net", "https://s3.example.net/bucket", "https://a:b@s3.example.net"],
)
def test_endpoints_that_are_refused(server: S3Server, endpoint: str) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        ObjectStore.model_validate(server.options() | {"endpoint": endpoint})


def test_names_cannot_leave_their_folder() -> None:
    assert folder_of("../x", "a/b") == "..%2Fx/a%2Fb/"
    assert day_name(20_000) == "days/20000.json"


def _body(server: S3Server, name: str) -> bytes:
    body: bytes = server.client.get_object(Bucket="sensor-records", Key=name)["Body"].read()
    return body
