"""Alerts of connections: those whose evidence names the connection, joined only for queries that use them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sensor.core.addresses import parse
from sensor.core.community_id import community_id
from sensor.core.record import Record
from sensor.records.export import export
from sensor.records.file_selection import paths_of
from sensor.records.filters import parsed
from sensor.records.keeping import Keeping
from sensor.records.query import Query
from sensor.records.query_process import QueryStart, opened
from sensor.records.readable import Range, readable
from sensor.records.schema import TABLES
from sensor.records.search import search, understood
from sensor.records.views import statements
from tests.records.kit_records import replayed, rows

pytestmark = pytest.mark.usefixtures("queries_within")

JOIN = "SELECT DISTINCT f.alert, c.uid FROM conn c JOIN alert_flow f USING (uid)"


@pytest.fixture(scope="module")
def office(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Record]]:
    """The records, and the alerts of the event log."""
    folder, alerts = tmp_path_factory.mktemp("office") / "records", list[Record]()
    emit = Keeping.emit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Keeping, "emit", lambda self, record: (alerts.append(record), emit(self, record))[1])
        replayed(folder, root / "pcaps" / "office.pcapng")
    return folder, [record for record in alerts if record.kind == "alert"]


@pytest.fixture(scope="module")
def query(office: tuple[Path, list[Record]]) -> Iterator[Query]:
    made = Query(office[0])
    yield made
    made.close()


def ids_of(record: Record) -> set[str]:
    """The Community IDs of the messages and flows in the evidence of an alert."""
    found = set()
    for one in record.evidence or ():
        ends = [one.get(end) or {} for end in ("src", "dst")]
        if all("ip" in end for end in ends) and one.get("proto") in {6, 17}:
            found.add(community_id(*(parse(end["ip"]) for end in ends), one["proto"], *(end["port"] for end in ends)))
    return found


def test_connections_are_those_of_the_evidence(office: tuple[Path, list[Record]], query: Query) -> None:
    """The ends of the connections of each alert are those of the messages in its evidence; all others have none."""
    expected = dict[str, set[str]]()
    for record in office[1]:
        expected.setdefault(record.alert["id"], set()).update(ids_of(record))
    found = dict[str, set[str]]()
    for ids, one in query.run("SELECT alert_ids, community_id FROM conn WHERE alert_ids IS NOT NULL").rows:
        for alert in ids:
            found.setdefault(alert, set()).add(one)
    assert found == {alert: ids for alert, ids in expected.items() if ids}
    assert len(found) >= 5
    assert query.run("SELECT count(*) FROM conn WHERE alert_ids IS NULL").rows[0][0] > 600


def test_a_filter_takes_the_beginning_of_an_id(query: Query) -> None:
    """As lists of alerts print it. An empty one, and one of another alert, select nothing."""
    (name,), *_ = query.run("SELECT alert FROM alert_flow GROUP BY 1 ORDER BY count(*) DESC").rows
    whole, _ = search(query, None, [parsed(f"alert_ids={name}")])
    start, _ = search(query, None, [parsed(f"alert_ids={name[:12]}")])
    assert {row["uid"] for row in start} == {row["uid"] for row in whole} != set()
    for nothing in ("alert_ids=", "alert_ids=alert-zzzzzz"):
        assert search(query, None, [parsed(nothing)])[0] == []
    other, _ = search(query, None, [parsed(f"alert_ids!={name[:12]}")], most=2000)
    assert not {row["uid"] for row in other} & {row["uid"] for row in whole}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT unnest(alert_ids), uid FROM conn",
        "SELECT unnest(x.alert_ids), uid FROM (SELECT * FROM conn ORDER BY ts) AS x",
        "SELECT unnest(c.one.alert_ids), c.one.uid FROM (SELECT conn AS one FROM conn) AS c",
        "SELECT unnest(columns('alert.*')), uid FROM conn",
        "SELECT unnest(try(alert_ids)), uid FROM conn",
        "SELECT alert, uid FROM alert_flow f JOIN conn USING (uid) WHERE list_contains(conn.alert_ids, alert)",
    ],
)
def test_each_way_to_use_them(query: Query, sql: str) -> None:
    """By name, by star, as part of a whole row: the same pairs as by a join, each once."""
    found = sorted(query.run(f"SELECT DISTINCT * FROM ({sql})").rows)
    assert found == sorted(query.run(JOIN).rows) != []


def test_other_queries_join_nothing(office: tuple[Path, list[Record]], query: Query) -> None:
    """Also if a star in a subquery contains the column. A query after one that uses them joins nothing either."""
    folder = office[0]
    tables = {file.table for file in query.files}
    paths = {
        name: paths_of(folder, TABLES[name], [file for file in query.files if file.table == name]) for name in tables
    }
    connection = opened(QueryStart(str(folder), list(statements(paths)), 256, 1))
    for sql, joins in (
        ("SELECT dst_port, count(*) FROM (SELECT * FROM conn) WHERE src_port > 3 GROUP BY 1", False),
        ("SELECT c.* EXCLUDE (alert_ids) FROM conn c", False),
        ("SELECT c.src_ip FROM conn c JOIN alert_flow USING (uid)", True),
    ):
        assert ("JOIN" in connection.execute(f"EXPLAIN {sql}").fetchall()[0][1]) is joins
    assert (
        query.run("SELECT count(alert_ids) FROM conn").rows[0][0]
        == query.run("SELECT count(DISTINCT uid) FROM alert_flow").rows[0][0]
    )


def test_search_has_the_alerts(query: Query) -> None:
    """Of one connection all records and alerts, by uid and by Community ID; the connections of an alert."""
    alert, uid, text = query.run(
        "SELECT alert, uid, community_id FROM alert_flow JOIN conn USING (uid) ORDER BY alert, uid LIMIT 1"
    ).rows[0]
    for term, filters in ((None, [parsed(f"uid={uid}")]), (understood(text, query), [])):
        found, _ = search(query, term, filters)
        assert {row["alert"] for row in found if row["table"] == "alert"} == {alert}
        assert [row["alert_ids"] for row in found if row["table"] == "conn"] == [[alert]]
    theirs, _ = search(query, None, [parsed(f"alert_ids={alert}")])
    assert {row["uid"] for row in theirs} == {one for (name, one) in query.run(JOIN).rows if name == alert}
    others, _ = search(query, None, [parsed(f"alert_ids!={alert}")], most=1000)
    assert len(others) + len(theirs) == query.run("SELECT count(*) FROM conn").rows[0][0]


def test_exports_have_the_alerts(office: tuple[Path, list[Record]], query: Query, tmp_path: Path) -> None:
    """Parquet has the ids, Suricata's events whether there are any."""
    folder, _ = office
    expected = {uid for (uid,) in query.run("SELECT uid FROM conn WHERE alert_ids IS NOT NULL").rows}
    files, _ = readable(folder, Range())
    for form in ("parquet", "eve"):
        export(folder, files, Range(), form, tmp_path, ["conn"])
    table = pq.read_table(tmp_path / "conn.parquet").to_pylist()
    assert {row["uid"] for row in table if row["alert_ids"]} == expected
    events: list[dict[str, Any]] = [json.loads(line) for line in (tmp_path / "eve.json").read_text().splitlines()]
    assert {one["flow_id"] for one in events if one["flow"]["alerted"]} == expected
    assert len(events) == len(table) == len(rows(folder, "conn"))
