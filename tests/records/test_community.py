"""Community IDs of connections: in bulk and in SQL as ``core.community_id`` computes one, stored as a prefix."""

from __future__ import annotations

import base64
import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sensor.core.addresses import parse, text
from sensor.core.community_id import ICMP_PAIRS, community_id
from sensor.records import by_community, community, views
from sensor.records.block import HEAD
from sensor.records.codes import proto_name, proto_number
from sensor.records.columns import hashes, strings
from sensor.records.community_sql import MACROS, prefix_of
from sensor.records.derived import community_ids, community_of
from sensor.records.export import export
from sensor.records.filters import parsed
from sensor.records.query import Query, QueryError
from sensor.records.readable import Range, readable
from sensor.records.search import search, understood
from sensor.records.writer import Writer
from tests.core.test_record import PUBLISHED
from tests.records.kit_records import office_records, rows, table

pytestmark = pytest.mark.usefixtures("queries_within")

Flow = tuple[int, int, int, int, int]


@pytest.fixture(scope="module")
def flows() -> list[Flow]:
    """The published examples; pairs of few addresses and ports, so that ties occur; all types of ICMP; other protocols;
    addresses of different families, which have no Community ID.
    """
    random = np.random.default_rng(11)
    ends = [parse(one) for one in ("10.0.0.1", "10.0.0.2", "255.0.0.9", "::1", "fe80::1", "2001:db8::ff:0:1", "::")]
    ports = (0, 7, 80, 65535)
    made = [(parse(one), parse(other), proto, sport, dport) for proto, one, other, sport, dport, _ in PUBLISHED]
    made += [(ends[0], ends[1], 1, kind, code) for kind in range(256) for code in (0, 3)]
    made += [(ends[4], ends[3], 58, kind, 0) for kind in range(256)]
    for one, other, proto, sport, dport in zip(
        *(random.choice(len(some), 3000) for some in (ends, ends)),
        random.choice([1, 6, 17, 47, 58, 99, 132], 3000),
        *(random.choice(ports, 3000) for _ in range(2)),
        strict=True,
    ):
        made.append((ends[one], ends[other], int(proto), int(sport), int(dport)))
    return made


def heads_of(flows: list[Flow]) -> np.ndarray:
    heads, half = np.zeros(len(flows), HEAD), (1 << 64) - 1
    for head, (one, other, proto, sport, dport) in zip(heads, flows, strict=True):
        head["src_hi"] = one >> 64
        head["src_lo"] = one & half
        head["dst_hi"] = other >> 64
        head["dst_lo"] = other & half
        head["proto"], head["sport"], head["dport"] = proto, sport, dport
    return heads


def expected(flows: list[Flow]) -> list[str | None]:
    return [community_id(*flow) or None for flow in flows]


@pytest.mark.parametrize("number", [0, 1, 3, 4, 5, None])
def test_kernel(flows: list[Flow], number: int | None) -> None:
    """Any number of flows, not only groups of four."""
    some, ids = flows[:number], expected(flows[:number])
    assert strings(*community.ids(heads_of(some))).to_pylist() == ids
    assert hashes(heads_of(some)).to_pylist() == [prefix_of(one) if one else None for one in ids]


def test_sql_and_texts(flows: list[Flow]) -> None:
    """The macro, and the column of rows that are read without a query."""
    names = ("src_ip", "dst_ip", "proto", "src_port", "dst_port")
    cells = [
        (text(one) or None, text(other) or None, proto_name(proto), sport, dport)
        for one, other, proto, sport, dport in flows
        if one and other
    ]
    made = pa.table(dict(zip(names, map(list, zip(*cells, strict=True)), strict=True)))
    connection = duckdb.connect()
    connection.execute(views.MACROS)
    connection.execute(MACROS)
    found = connection.from_arrow(made).project(f"community_id({', '.join(names)})").fetchall()
    ids = expected([flow for flow in flows if flow[0] and flow[1]])
    assert [one for (one,) in found] == ids
    assert community_ids(made).to_pylist() == ids


@pytest.mark.parametrize(
    "invalid",
    ["", "1:", "2:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:LQU9qZlK+B5F3KDmev6m5PMibr=", "1:LQU9qZlK+B5F3KDmev6m5PMibrg",
     "1:LQU9qZlK-B5F3KDmev6m5PMibrg=", "1:LQU9qZlK+B5F3KDmev6m5PMibrh=", "1:LQU9qZlK+B5F3KDmev6m5PMibrgAA=="],
)  # fmt: skip
def test_other_texts_are_no_community_ids(invalid: str) -> None:
    """Other versions, characters, lengths, and bits behind the digest."""
    assert prefix_of(invalid) is None
    assert prefix_of("1:LQU9qZlK+B5F3KDmev6m5PMibrg=") == int.from_bytes(
        base64.b64decode("LQU9qZlK+B5F3KDmev6m5PMibrg=")[:8], "big", signed=True
    )


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return office_records(tmp_path_factory)


@pytest.fixture(scope="module")
def query(office: Path) -> Iterator[Query]:
    made = Query(office)
    yield made
    made.close()


def test_connections_have_the_prefix_in_files_and_the_id_in_queries(office: Path, query: Query) -> None:
    stored = {row["uid"]: row["community_hash"] for row in rows(office, "conn")}
    read = query.run("SELECT uid, community_id, src_ip, dst_ip, src_port, dst_port, proto FROM conn").rows
    assert len(read) == len(stored) > 700
    for uid, found, src, dst, sport, dport, proto in read:
        ends = [parse(ip) if ip else 0 for ip in (src, dst)]
        assert found == (community_id(*ends, proto_number(proto), sport or 0, dport or 0) or None)
        assert stored[uid] == (prefix_of(found) if found else None)


def test_the_prefix_is_in_no_result(office: Path, query: Query, tmp_path: Path) -> None:
    """Neither in queries nor in exports, which have the whole id."""
    read = query.run("SELECT * FROM conn ORDER BY ts")
    ids = [row[read.columns.index("community_id")] for row in read.rows]
    assert "community_hash" not in read.columns
    files, _ = readable(office, Range())
    for form in ("parquet", "csv", "zeek"):
        export(office, files, Range(), form, tmp_path / form, ["conn"])
    exported = pq.read_table(tmp_path / "parquet" / "conn.parquet")
    assert "community_hash" not in exported.column_names
    with (tmp_path / "csv" / "conn.csv").open(newline="") as file:
        made = [row["community_id"] or None for row in csv.DictReader(file)]
    lines = (tmp_path / "zeek" / "conn.log").read_text().splitlines()
    zeek = [line.rpartition("\t")[2].replace("-", "") or None for line in lines if not line.startswith("#")]
    assert exported["community_id"].to_pylist() == made == zeek
    assert Counter(made) == Counter(ids)
    assert Counter(made)[None] < 10


LIMITED = [
    "SELECT uid FROM conn WHERE community_id = '{}'",
    "SELECT uid FROM Conn WHERE '{}' = Community_ID AND dst_port > 0",
    "SELECT conn.uid FROM conn WHERE conn.community_id IN ('{}', '1:x')",
    "SELECT c.uid FROM conn c JOIN tls t USING (uid) WHERE t.ja4 IS NOT NULL AND c.community_id = '{}'",
    "WITH x AS (SELECT * FROM conn WHERE community_id = '{}') SELECT uid, sni FROM x",
    "SELECT uid FROM dns WHERE false UNION ALL SELECT uid FROM conn WHERE community_id = '{}'",
    "SELECT count(*) FROM conn c, conn d WHERE c.community_id = '{}' AND d.uid = c.uid",
    "SELECT uid FROM conn WHERE community_id = '1:none' AND '{}' != ''",
]
OTHERS = [
    "SELECT count(*) FROM conn WHERE community_id = '{}' OR dst_port = 53",
    "SELECT count(*) FROM conn WHERE NOT community_id = '{}'",
    "SELECT count(*) FROM conn c LEFT JOIN conn d ON d.community_id = '{}'",
    "SELECT count(*) FROM conn WHERE community_id = '{}' USING SAMPLE 100 PERCENT (bernoulli)",
    "SELECT count(*) FROM conn TABLESAMPLE bernoulli(100%) WHERE community_id = '{}'",
    "WITH conn AS (SELECT '{0}' AS community_id, 5 AS uid) SELECT uid FROM conn WHERE community_id = '{0}'",
    "SELECT '{}' AS text, max(community_id) FROM conn",
    "SELECT chr(39), count(*) FROM (SELECT 'x' AS community_id) WHERE community_id = '{}'",
]


@pytest.mark.parametrize("sql", [*LIMITED, *OTHERS])
def test_a_query_for_a_community_id_reads_few_rows_and_has_the_same_result(
    query: Query, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the result depends on other connections too, all are read."""
    text = sql.format(query.run("SELECT community_id FROM conn WHERE sni IS NOT NULL ORDER BY ts LIMIT 1").rows[0][0])
    connection = duckdb.connect()
    for statement in views.statements({}):
        connection.execute(statement)
    faster = by_community.narrowed(connection, text)
    assert (faster is not None and "FROM _conn" in faster) is (sql in LIMITED)
    whole = query.run(text.replace("community_id = ", "community_id || '' = ")).rows
    assert sorted(query.run(text).rows) == sorted(whole)


def test_errors_are_those_of_the_query_as_written(query: Query) -> None:
    """Not those of its faster form."""
    with pytest.raises(QueryError, match=r"LINE 1: SELECT uid FROM conn WHERE community_id = '1:x' AND nothing = 1"):
        query.run("SELECT uid FROM conn WHERE community_id = '1:x' AND nothing = 1")


def test_files_of_earlier_versions_are_searched_by_the_ends(office: Path, tmp_path: Path) -> None:
    """They have no prefix: the same connections are found, also beside files that have it."""
    folder = tmp_path / "records"
    older = table(office, "conn").drop_columns("community_hash")
    writer = Writer(folder, lambda _: None, durable=False)
    with writer.manifest.transaction():
        writer.manifest.add(writer.file("conn", 0, [older.slice(0, 400)]))
        writer.manifest.add(writer.file("conn", 1, [table(office, "conn").slice(400)]))
    writer.close()
    query = Query(folder)
    try:
        for place in (3, 500):
            text = community_of(older.slice(place, 1).to_pylist()[0])
            uids = [row["uid"] for row in older.to_pylist() if community_of(row) == text]
            found = query.run(f"SELECT uid FROM conn WHERE community_id = '{text}'").rows
            assert sorted(found) == [[uid] for uid in sorted(uids)]
            rows_found, _ = search(query, understood(text or "", query))
            filtered, _ = search(query, None, [parsed(f"community_id={text}")])
            assert sorted(row["uid"] for row in rows_found) == sorted(row["uid"] for row in filtered) == sorted(uids)
            assert {row["community_id"] for row in rows_found} == {text}
            others, _ = search(query, None, [parsed(f"community_id!={text}")], most=1000)
            assert len(others) == len(older) - len(uids)
    finally:
        query.close()


def test_icmp_types_are_those_of_the_specification() -> None:
    """Each type of a pair is the answer to the other."""
    assert all(pairs[other] == one for pairs in ICMP_PAIRS.values() for one, other in pairs.items())
