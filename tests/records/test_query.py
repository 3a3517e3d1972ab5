"""The query process reads only the records, within its limits."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from sensor.records.hunt_tests import write_rows
from sensor.records.query import NoRecords, Query, QueryError, Range
from sensor.records.views import Paths, statements
from tests.records.kit_records import office_records, table

TIMES = 1_795_507_200_000_000  # 2026-11-24T08:00:00Z


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return office_records(tmp_path_factory)


@pytest.fixture(scope="module")
def query(office: Path) -> Iterator[Query]:
    """One process for all queries of the office that leave it as it is."""
    made = Query(office)
    yield made
    made.close()


def queried(folder: Path, sql: str, within: Range | None = None) -> list[list[object]]:
    query = Query(folder, within)
    try:
        return query.run(sql).rows
    finally:
        query.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('/proc/self/environ')",
        "ATTACH '{folder}/x.db'",
        "ATTACH ':memory:' AS other",
        "COPY conn TO '{folder}/x.csv'",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "WITH x AS (COPY conn TO '{folder}/x.parquet') SELECT 1",
        "WITH x AS (INSERT INTO conn SELECT * FROM conn RETURNING *) SELECT * FROM x",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET lock_configuration = false",
        "SET enable_external_access = true",
        "RESET enable_external_access",
        "PRAGMA enable_external_access = true",
        "EXPORT DATABASE '{folder}/x'",
        "IMPORT DATABASE '{folder}/x'",
        "CREATE TABLE x AS SELECT 1",
        "DROP VIEW conn",
        "CALL pragma_version()",
        "CHECKPOINT",
        "SELECT 1; SELECT 2",
        "",
    ],
)
def test_what_does_more_than_read_the_tables_is_refused(query: Query, office: Path, sql: str) -> None:
    """A rejected query creates or changes no file, and leaves the process fit for the next one."""
    before = _files(office)
    with pytest.raises(QueryError):
        query.run(sql.format(folder=office))
    assert _files(office) == before
    assert query.run("SELECT count(*) FROM dns").rows == [[190]]


def _files(folder: Path) -> set[str]:
    """All files except those that SQLite has beside the manifest while it is open."""
    return {path.name for path in folder.rglob("*") if not path.name.startswith("manifest.db-")}


def test_an_invalid_query_leaves_the_process_fit_for_the_next(query: Query) -> None:
    with pytest.raises(QueryError, match="LINE 1"):
        query.run("SELECT quer FROM dns")
    assert query.run("SELECT count(*) FROM dns").rows == [[190]]


def test_a_query_that_never_ends_is_stopped(office: Path) -> None:
    query = Query(office, seconds=1)
    with pytest.raises(QueryError, match="took longer than 1 s"):
        query.run("SELECT count(*) FROM range(100000000000) a, range(100000) b WHERE a.range * b.range % 7 = 1")
    query.close()


def test_a_query_that_wants_too_much_memory_is_refused(office: Path) -> None:
    query = Query(office, memory_mib=64)
    with pytest.raises(QueryError, match="Memory"):
        query.run("SELECT list(range) FROM range(100000000)")
    query.close()


def test_a_time_range_is_kept(query: Query, office: Path) -> None:
    """Rows from the begin up to the end are read; devices have the attributes known before."""
    within = Range(TIMES + 600_000_000, TIMES + 660_000_000)
    whole = query.run(
        "SELECT count(*) FROM conn WHERE ts >= TIMESTAMP '2026-11-24 08:10:00' AND ts < TIMESTAMP '2026-11-24 08:11:00'"
    ).rows
    counts = "(SELECT count(*) FROM conn), (SELECT count(*) FROM device WHERE name = 'fs01')"
    assert queried(office, f"SELECT {counts}", within) == [[*whole[0], 1]]
    assert whole != [[0]]


def test_helpers_for_addresses_and_names(query: Query) -> None:
    sql = """SELECT in_cidr('10.1.2.3', '10.0.0.0/8'), in_cidr('11.1.2.3', '10.0.0.0/8'), in_cidr('10.0.0.1', '10.0.0.1'), in_cidr('fe80::1', '10.0.0.0/8'),
        below('a.example.com', 'example.com'), below('badexample.com', 'example.com'), is_private('192.168.1.1'), is_private('8.8.8.8')"""
    assert query.run(sql).rows == [[True, False, True, None, True, False, True, False]]


def test_private_addresses_are_those_of_the_registries(query: Query) -> None:
    """RFC 1918, RFC 6598, link-local (RFC 3927, RFC 4291), unique local (RFC 4193), and their neighbours; a public
    IPv6 address is not unknown, so that NOT is_private() finds it.
    """
    private = [
        "10.0.0.0",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "100.64.0.0",
        "100.127.255.255",
        "169.254.0.1",
    ]
    private += ["fe80::1", "fc00::1", "fdff:1::2"]
    others = ["9.255.255.255", "11.0.0.0", "101.1.1.1", "172.15.0.1", "172.32.0.1", "192.169.0.1", "192.167.0.1"]
    others += ["100.63.255.255", "100.128.0.0", "169.253.0.1", "2001:db8::1", "::1", "fec0::1", "ff02::1", "10"]
    addresses = ", ".join(f"'{one}'" for one in [*private, *others])
    found = query.run(f"SELECT ip, is_private(ip) FROM (SELECT unnest([{addresses}]) AS ip)").rows
    assert dict(found) == dict.fromkeys(private, True) | dict.fromkeys(others, False)
    assert query.run("SELECT is_private(NULL)").rows == [[None]]


@pytest.mark.parametrize(
    ("ip", "kind"),
    [
        ("127.0.0.1", "Loopback"), ("::1", "Loopback"), ("255.255.255.255", "Broadcast"), ("10.1.1.1", "Private"),
        ("223.255.255.255", "Public"), ("224.0.0.1", "Reserved"), ("240.0.0.1", "Reserved"), ("ff02::1", "Reserved"),
        ("2001:db8::1", "Public"), ("fe80::1", "Private"),
    ],
)  # fmt: skip
def test_types_of_addresses_are_those_of_defender(query: Query, ip: str, kind: str) -> None:
    assert query.run(f"SELECT ip_type('{ip}')").rows == [[kind]]


def test_defenders_tables_are_there(query: Query) -> None:
    for name in ("DeviceInfo", "DeviceNetworkInfo", "DeviceNetworkEvents", "AlertInfo", "AlertEvidence"):
        assert query.run(f"SELECT count(*) > 0 FROM {name}").rows == [[True]], name


def test_files_of_an_earlier_version_are_read(office: Path, tmp_path: Path) -> None:
    """A column that no file has is unknown in all rows; with files of this version it is known in theirs."""
    today = table(office, "conn")
    old, new = tmp_path / "old.parquet", tmp_path / "new.parquet"
    pq.write_table(today.drop_columns(["history", "state"]), old)
    pq.write_table(today, new)
    known = [len(today) - today[name].null_count for name in ("history", "state")]
    assert all(known)
    for files, expected in (([old], [0, 0]), ([old, new], known)):
        with duckdb.connect() as base:
            for statement in statements({"conn": Paths(others=[str(path) for path in files])}):
                base.execute(statement)
            found = base.execute("SELECT count(*), count(history), count(state) FROM conn").fetchall()
        assert found == [(len(files) * len(today), *expected)]


def test_where_nothing_is_kept_it_is_reported(tmp_path: Path) -> None:
    with pytest.raises(NoRecords):
        Query(tmp_path)


def test_a_copied_folder_is_read_whole(office: Path, tmp_path: Path) -> None:
    """Copied files have other times and numbers than the manifest, and the same content."""
    shutil.copytree(office, tmp_path / "copy", copy_function=shutil.copyfile)
    assert queried(tmp_path / "copy", "SELECT count(*) FROM conn") == [[753]]


def test_names_among_addresses_are_in_no_block(tmp_path: Path) -> None:
    """Answers of DNS have both; a name that begins with numbers is not an address."""
    names = ["fs01", "a.b.c.d", "10.0.0.9.in-addr.arpa", "10.0.0.9"]
    write_rows(tmp_path / "records", {"dns": [{"uid": n, "answers": [name]} for n, name in enumerate(names)]})
    query = Query(tmp_path / "records")
    try:
        where = "len(list_filter(answers, lambda one: in_cidr(one, ?))) > 0"
        assert query.run(f"SELECT uid FROM dns WHERE {where}", ("10.0.0.0/8",)).rows == [[3]]
    finally:
        query.close()
