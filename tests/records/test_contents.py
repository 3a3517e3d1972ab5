"""A search opens only files that may contain a match, and finds the same as in all files."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from sensor.records import file_selection, new_files
from sensor.records.contents import _places, block_values, domain_value, endings, holds, packed
from sensor.records.filters import SearchError, narrowed, parsed, resolved, values_of
from sensor.records.hunt_tests import _table, write_rows
from sensor.records.manifest import File, Manifest
from sensor.records.new_files import values_in
from sensor.records.paths import MANIFEST
from sensor.records.query import Query, Range
from sensor.records.schema import TABLES, TRAFFIC
from sensor.records.search import Row, SearchTerm, search, understood
from sensor.records.searched import EXACT
from sensor.records.writer import ProcessedRows, Writer
from tests import sampling
from tests.records.kit_records import office_records, table

pytestmark = pytest.mark.usefixtures("queries_within")

HOURS = 30
RARE = "203.0.113.66"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return office_records(tmp_path_factory)


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Connections of many hours, a file each; two of them have a rare address."""
    folder = tmp_path_factory.mktemp("month") / "records"
    writer = Writer(folder, print, durable=False)
    for hour in range(HOURS):
        made = ProcessedRows({}, {})
        made.add("conn", hour, _table("conn", [_row(hour, number) for number in range(20)]))
        writer.save(made)
    writer.close()
    return folder


def _row(hour: int, number: int) -> dict[str, object]:
    """A connection of an hour."""
    rare = hour in {3, 21} and number == 7
    return {
        "ts": hour * 3600 + number,
        "uid": hour * 100 + number,
        "src_ip": f"10.0.{hour}.{number}",
        "dst_ip": RARE if rare else "198.51.100.1",
    }


@pytest.fixture(scope="module")
def query(month: Path) -> Iterator[Query]:
    one = Query(month)
    yield one
    one.close()


def _values(folder: Path) -> set[bytes]:
    """All addresses, MAC addresses, devices and hashes of some records."""
    found = set[bytes]()
    for one in TRAFFIC:
        rows = table(folder, one.name)
        if len(rows):
            found |= {value for value in values_in(one, rows) if value}
    return found


def test_what_is_in_a_file_is_found_and_little_else() -> None:
    values = {f"10.{number % 7}.{number // 256}.{number % 256}".encode() for number in range(5_000)}
    filter_ = packed(values)
    assert len(filter_) < 2 * len(values)
    assert all(holds(filter_, [value]) for value in values)
    assert holds(filter_, [b"192.0.2.1", next(iter(values))])
    others = [f"172.16.{number // 256}.{number % 256}".encode() for number in range(10_000)]
    assert sum(holds(filter_, [value]) for value in others) < 100


def test_a_file_without_values_holds_none() -> None:
    assert not holds(packed(set()), [b"10.0.0.1"])
    assert not holds(packed({b"10.0.0.1"}), [])
    assert holds(b"", [b"10.0.0.1"])


def test_names_are_found_by_the_domains_above_them() -> None:
    """Names with more labels than stored are found too; a name with only the same ending is not."""
    rows = _table("dns", [{"query": "A.Www.Example.COM"}, {"query": ".".join("abcdefghij")}, {"query": "example2.org"}])
    filter_ = packed(values_in(TABLES["dns"], rows))
    for name in ("example.com", "www.example.com", "a.www.example.com", "b.c.d.e.f.g.h.i.j", "i.j"):
        assert holds(filter_, [domain_value(name)]), name
    for name in ("example.org", "b.www.example.com", "example.co"):
        assert not holds(filter_, [domain_value(name)]), name
    assert endings(b"a.b") == [b"a.b", b"b"]


def test_lists_and_missing_columns() -> None:
    """Answers of DNS are values; a table of an earlier version lacks columns, and all its cells may be null."""
    rows = _table("dns", [{"answers": ["192.0.2.7", "cdn.example.net"]}, {"answers": None}])
    assert {b"192.0.2.7", b"cdn.example.net", b"example.net"} <= values_in(TABLES["dns"], rows)
    assert values_in(TABLES["conn"], pa.table({"ts": rows["ts"], "ja4": pa.nulls(2, pa.string())})) == set()


def test_networks_of_a_column_are_those_of_each_address() -> None:
    addresses = [
        "192.0.2.7",
        "192.0.2.9",
        "10.1.2.3",
        "255.255.255.255",
        "::1",
        "2001:db8::192.0.2.1",
        "cdn.example.net",
    ]
    values = values_in(TABLES["dns"], _table("dns", [{"answers": addresses}]))
    assert {value for value in values if b"/" in value} == {
        *(b"192.0.2.0/24", b"192.0.0.0/16", b"10.1.2.0/24", b"10.1.0.0/16", b"255.255.255.0/24", b"255.255.0.0/16")
    }
    assert [block_values(block) for block in ("192.0.2.128/25", "192.0.2.0/24", "10.1.16.0/20", "10.0.0.0/8")] == [
        [b"192.0.2.0/24"], [b"192.0.2.0/24"], [b"10.1.0.0/16"], None
    ]  # fmt: skip


def test_a_file_with_very_many_values_has_no_filter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood with spoofed sources: the file excludes nothing, and the next one has a filter again."""
    monkeypatch.setattr(new_files, "VALUES_MOST", 64)
    files = new_files.NewFiles(tmp_path, durable=False)
    flood = [{"answers": [f"10.0.{number // 256}.{number % 256}"]} for number in range(200)]
    assert files.make("dns", 1, [_table("dns", flood)]).filter == b""
    filter_ = files.make("dns", 1, [_table("dns", flood[:4])]).filter
    assert holds(filter_, [b"10.0.0.3"])
    assert not holds(filter_, [b"10.0.0.4"])


def _found(query: Query, term: SearchTerm) -> list[Row]:
    """All rows; rows with the same time are in any order."""
    return sorted(search(query, term, most=10_000)[0], key=repr)


# Values of each kind.
EACH, KINDS = sampling.count(8, 1), {"address", "MAC", "device", "JA4", "hash", "domain"}


def test_a_search_of_any_value_finds_what_is_in_all_files(office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses, MAC addresses, devices, hashes, JA4 and domains of a whole office, a few of each."""
    every = Query(office)
    narrow = Query(office)
    monkeypatch.setattr(every, "_chosen", lambda one, _: every._by_table.get(one.name, []))
    kinds: dict[str, int] = {}
    try:
        values = sorted(_values(office))
        sampling.chance("values").shuffle(values)
        for value in values:
            term = understood(value.decode(), narrow)
            if kinds.setdefault(term.what, 0) < EACH:
                kinds[term.what] += 1
                assert _found(narrow, term) == _found(every, term), term
            if kinds.keys() >= KINDS and not sampling.WHOLE:
                break
    finally:
        every.close()
        narrow.close()
    assert kinds.keys() >= KINDS


def test_only_files_that_may_hold_it_are_read(query: Query) -> None:
    """Two of thirty files have the address or one of its network; a large network and a text may be in any file."""
    conn = TABLES["conn"]
    term = understood(RARE, query)
    read = [file.hour for file in query._chosen(conn, term.values)]
    assert {3, 21} <= set(read)
    assert len(read) < 5
    assert [row["uid"] for row in _found(query, term)] == [307, 2107]
    for text in ("203.0.113.0/24", "203.0.113.64/29", "203.0.0.0/16", "203.0.112.0/20"):
        assert len(query._chosen(conn, understood(text, query).values)) < 5
        assert {row["uid"] for row in _found(query, understood(text, query))} == {307, 2107}
    for text in ("203.0.0.0/8", "curl"):
        assert len(query._chosen(conn, understood(text, query).values)) == HOURS


@pytest.mark.parametrize(
    ("texts", "files"),
    [
        (["dst_ip=203.0.113.66"], 2), (["dst_ip=203.0.113.64/30"], 2),
        (["src_ip=10.0.21.0/24", "dst_ip!=198.51.100.1"], 1),
        (["src_ip=10.0.3.7", "dst_ip=203.0.113.66"], 1), (["dst_ip=203.0.*"], HOURS), (["uid=307"], HOURS),
        (["dst_ip=2001:db8::/32"], 0), (["dst_ip!=203.0.113.0/24"], HOURS),
    ],
)  # fmt: skip
def test_filters_choose_files_too(query: Query, texts: list[str], files: int) -> None:
    """Each filter on a column of values excludes files, and the result is that of all files."""
    filters = [resolved(parsed(text), query) for text in texts]
    read = query._chosen(TABLES["conn"], *(values_of(one) for one in filters))
    assert files <= len(read) <= files + (3 if files < HOURS else 0)
    found = {row["uid"] for row in search(query, None, filters, most=10_000)[0]}
    where = narrowed(TABLES["conn"], filters)
    assert where is not None
    assert found == {uid for (uid,) in query.run(f"SELECT uid FROM conn WHERE {where.sql}", where.values).rows}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("query=WWW.Example.com", b"www.example.com"), ("sni=*.example.com", b"example.com"), ("host=10.0.0.5", None),
        ("query=*example.com", None), ("src_device=dev-A", b"dev-a"), ("dst_ip>10.0.0.1", None), ("dst_port=443", None),
        ("sni!=example.com", None), ("query=müller.example", None), ("ip=10.1.0.0/16", b"10.1.0.0/16"),
        ("answers=10.1.2.0/25", b"10.1.2.0/24"), ("dst_ip=10.0.0.0/9", None),
    ],
)  # fmt: skip
def test_which_value_a_filter_needs(text: str, value: bytes | None) -> None:
    found = values_of(parsed(text))
    assert (found[0] if found else None) == value


def test_ipv6_blocks_in_every_column_of_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that only an answer or a lease contains is found; with too many addresses the search is rejected."""
    answers = ["2001:db8::7", "v=spf1 ip6:2001:db8::/32", "10.0.0.1"]
    rows = {
        "dns": [
            {"ts": 1, "uid": 1, "src_ip": "fd00::5", "dst_ip": "fd00::1", "query": "a.example", "answers": answers}
        ],
        "conn": [{"ts": 1, "uid": 2, "src_ip": "fd00::5", "dst_ip": "2001:db8:1::9"}],
    }
    write_rows(tmp_path / "records", rows)
    query = Query(tmp_path / "records")
    try:
        for text, expected in (("2001:db8::/48", [1]), ("2001:db8::/32", [1, 2]), ("fd01::/16", [])):
            assert sorted(row["uid"] for row in _found(query, understood(text, query))) == expected
        for text, expected in (
            ("answers=2001:db8::/32", [1]),
            ("answers!=2001:db8::/32", []),
            ("src_ip=fd00::/8", [1, 2]),
        ):
            assert sorted(row["uid"] for row in search(query, None, [parsed(text)])[0]) == expected
        monkeypatch.setattr("sensor.records.filters.ADDRESSES_MOST", 3)
        with pytest.raises(SearchError):
            understood("2001:db8::/48", query)
    finally:
        query.close()


@pytest.mark.parametrize("text", ["dst_ip=10.0.0.0/33", "dst_ip=10.0.0/24", "src_ip>10.0.0.0/8"])
def test_blocks_that_are_none(text: str) -> None:
    with pytest.raises(SearchError):
        parsed(text)


def test_filters_of_earlier_versions_exclude_no_network() -> None:
    """Old filters have the addresses, but not their networks: any file may contain one."""
    bits = packed({b"10.1.2.3"})
    earlier = np.zeros(8 * len(bits), np.bool_)
    earlier[_places([b"10.1.2.3"], len(earlier))] = True
    old = np.packbits(earlier, bitorder="little").tobytes()
    assert holds(old, [b"192.0.2.0/24"])
    assert not holds(old, [b"192.0.2.1"])
    assert not holds(bits, [b"192.0.2.0/24"])


def test_the_newest_rows_come_from_the_newest_files(query: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frequent address is not searched in older files; the rows are those of a full search. One more query finds the
    alerts of the rows.
    """
    queries: list[str] = []
    run = query._process.run
    monkeypatch.setattr(query._process, "run", lambda request: (queries.append(request.sql), run(request))[1])
    term = understood("198.51.100.1", query)
    whole, more = search(query, term, tables=["conn"], most=30)
    assert (len(queries), more) == (2, True)
    monkeypatch.setattr(file_selection, "FIRST_ROWS", 1)
    queries.clear()
    assert search(query, term, tables=["conn"], most=30) == (whole, True)
    assert 2 < len(queries) < 6
    assert [row["uid"] for row in whole] == [2_800 + n for n in range(10, 20)] + [2_900 + n for n in range(20)]


def test_steps_go_on_while_an_older_file_may_have_newer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of connections that ended late overlap with other hours."""
    monkeypatch.setattr(file_selection, "FIRST_ROWS", 1)
    files = [
        File(f"conn/{first}", "conn", 0, 5, 0, first, last, 0, "") for first, last in ((0, 90), (10, 40), (50, 95))
    ]
    steps = [([file.first for file in step], last) for step, last in file_selection.newest_first(files)]
    assert steps == [([50], 90), ([0], 40), ([10], -1)]


def test_records_of_an_earlier_version(month: Path, tmp_path: Path) -> None:
    """The manifest of an earlier version has no filters: all files are read. New files get filters."""
    with contextlib.closing(Manifest(month / MANIFEST)) as manifest:
        manifest.copy(tmp_path / MANIFEST)
    shutil.copytree(month / "conn", tmp_path / "conn")
    with sqlite3.connect(tmp_path / MANIFEST) as base:
        base.execute("DROP TABLE contents")
    base.close()
    query = Query(tmp_path)
    try:
        term = understood(RARE, query)
        assert len(query._chosen(TABLES["conn"], term.values)) == HOURS
        assert [row["uid"] for row in _found(query, term)] == [307, 2107]
    finally:
        query.close()
    Manifest(tmp_path / MANIFEST, write=True).close()
    with contextlib.closing(Manifest(tmp_path / MANIFEST)) as manifest:
        assert list(manifest.filters("conn")) == []


def test_filters_go_with_their_files(month: Path, tmp_path: Path) -> None:
    """Filters of files that an earlier version deletes, which does not know of filters, are deleted too."""
    with contextlib.closing(Manifest(month / MANIFEST)) as manifest:
        manifest.copy(tmp_path / MANIFEST)
    manifest = Manifest(tmp_path / MANIFEST, write=True)
    names = [file.name for file in manifest.files("conn")]
    manifest.forget(names[:1])
    assert [name for name, _ in manifest.filters("conn")] == names[1:]
    manifest._db.execute("DELETE FROM file WHERE name = ?", (names[1],))
    manifest.close()
    manifest = Manifest(tmp_path / MANIFEST, write=True)
    assert manifest._db.execute("SELECT count(*) FROM contents").fetchone() == (HOURS - 2,)
    manifest.close()


def test_a_time_range_holds_within_the_chosen_files(month: Path) -> None:
    begin = 1_767_225_600_000_000  # hour 0 of the rows
    one = Query(month, Range(begin + 10 * 3_600_000_000))
    try:
        assert [row["uid"] for row in _found(one, understood(RARE, one))] == [2107]
    finally:
        one.close()


def test_columns_of_searches_are_columns_of_tables() -> None:
    assert {name for one in TABLES.values() for name in one.names} >= EXACT
