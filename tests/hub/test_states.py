"""Counts, words and the order of devices are those of the rows after each writer: workers of this version, consoles,
and workers of earlier versions with their own statements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import sql

from sensor.hub import rows
from sensor.hub.counts import merge_counts
from sensor.hub.database import Connection, copy_rows, temporary
from sensor.hub.device_values import DeviceValues
from sensor.hub.notes import Note, put_note
from sensor.hub.rows import Row
from sensor.hub.sensors import move
from sensor.hub.states import ALERTS, DEVICES, INCIDENTS, write_states
from sensor.hub.views.backend import HubBackend
from sensor.hub.views.query import Reader
from sensor.inventory.corrections import Correction
from sensor.views.devices import DeviceFilter
from tests.hub.hub_kit import PARIS, SITE, HubServers

NOW = datetime(2026, 11, 29, tzinfo=UTC)
LISTED = "WHERE merged = '' AND counted_as = 0"
ALERT_GROUP = "site, state, severity, detector, verdict, assignee"
# What is derived from rows, and what it must equal.
DERIVED = {
    "device_order": (
        f"SELECT number, site, last FROM devices {LISTED}", "SELECT number, site, last"  # noqa: S608
    ),
    "device_counts": (
        f"SELECT site, type, vendor, gone, count(*) FROM devices {LISTED} GROUP BY 1, 2, 3, 4",  # noqa: S608
        "SELECT site, type, vendor, gone, n",
    ),
    "vlan_counts": (
        f"SELECT site, vlan, count(*) FROM devices {LISTED} GROUP BY 1, 2",  # noqa: S608
        "SELECT site, vlan, n",
    ),
    "device_words": (
        "SELECT number, device_text(devices), nullif(counted_as, 0) FROM devices", "SELECT number, words, counted_as"
    ),
    "alert_counts": (
        f"SELECT {ALERT_GROUP}, count(*) FROM alerts WHERE counted_as = 0 GROUP BY {ALERT_GROUP}",  # noqa: S608
        f"SELECT {ALERT_GROUP}, n",
    ),
    "alert_words": (
        "SELECT number, alert_text(alerts), parties, nullif(counted_as, 0) FROM alerts",
        "SELECT number, words, parties, counted_as",
    ),
}  # fmt: skip
_EARLIER = """
INSERT INTO {0} ({1}) SELECT {1} FROM {2} ON CONFLICT (sensor, id) DO UPDATE SET {3}
WHERE (excluded.log, excluded.seq) > ({0}.log, {0}.seq)"""


def device(key: str, seq: int, sensor: int = 1, **more: Any) -> Row:
    usual: dict[str, Any] = {
        "sensor": sensor, "id": key, "site": SITE, "log": 1, "seq": seq, "first": NOW,
        "last": NOW + timedelta(seconds=seq), "gone": False, "merged": "", "name": "", "type": "unknown", "vendor": "",
        "model": "", "ips": [], "macs": [], "confidence": 0.5, "serial": "", "sensor_owner": "",
        "sensor_criticality": "", "sensor_tags": [], "vlan": 10, "record": b"{}",
    }  # fmt: skip
    return tuple((usual | more)[column] for column in rows.DEVICES)


def alert(name: str, seq: int, **more: Any) -> Row:
    usual: dict[str, Any] = {
        "sensor": 1, "id": name, "site": SITE, "log": 1, "seq": seq, "first": NOW, "last": NOW, "closed": False,
        "severity": 2, "risk": 5, "count": 1, "detector": "discovery.port_scan", "title": "Port scan",
        "summary": "NAS scanned", "src": "NAS", "dst": "203.0.113.66", "parties": ["s:nas"], "record": b"{}",
    }  # fmt: skip
    return tuple((usual | more)[column] for column in rows.ALERTS)


@pytest.fixture
def base(servers: HubServers) -> Iterator[Connection]:
    servers.empty()
    with servers.base() as base:
        for name in ("s1", "s2"):
            base.execute(
                "INSERT INTO sensors (key, name, site, sensor_id, sensor_site, state) "
                "VALUES (%s, %s, %s, %s, %s, 'approved')",
                [name, name, SITE, name, SITE],
            )
        yield base
    servers.empty()


def write(base: Connection, devices: Sequence[Row] = (), alerts: Sequence[Row] = ()) -> None:
    """As a worker of this version."""
    with base.transaction():
        write_states(base, [(DEVICES, devices), (ALERTS, alerts), (INCIDENTS, [])])


def write_earlier(base: Connection, devices: Sequence[Row] = (), alerts: Sequence[Row] = ()) -> None:
    """As a worker of an earlier version."""
    with base.transaction():
        for kind, some in (DEVICES, devices), (ALERTS, alerts):
            new = f"earlier_{kind.table}"
            temporary(base, new, kind.table, kind.columns)
            copy_rows(base, new, kind.columns, some)
            names = sql.SQL(", ").join(map(sql.Identifier, kind.columns))
            changes = sql.SQL(", ").join(
                sql.SQL("{0} = excluded.{0}").format(sql.Identifier(one)) for one in kind.columns[2:]
            )
            base.execute(sql.SQL(_EARLIER).format(sql.Identifier(kind.table), names, sql.Identifier(new), changes))


def check(base: Connection) -> None:
    """Every table has what the rows have, before and after counts are merged."""
    for _ in range(2):
        for table, (wanted, columns) in DERIVED.items():
            held = f"{columns} FROM {table}"
            if table.endswith("counts"):
                groups = columns.removeprefix("SELECT ").rpartition(",")[0]
                held = f"SELECT {groups}, sum(n) FROM {table} GROUP BY {groups} HAVING sum(n) <> 0"  # noqa: S608
            assert sorted(base.execute(held).fetchall()) == sorted(base.execute(wanted).fetchall()), table  # type: ignore[arg-type]
        merge_counts(base)


WRITERS = pytest.mark.parametrize("writer", [write, write_earlier])


@WRITERS
def test_devices_and_what_follows_from_them(base: Connection, writer: Any) -> None:
    """New, identified, moved to another VLAN, gone, merged, split again, and a stale state that changes nothing."""
    writer(base, [device("dev-a", 1), device("dev-b", 2), device("dev-c", 3, sensor=2, gone=True)])
    check(base)
    known = {"type": "camera", "vendor": "Axis", "name": "lobby", "macs": ["00:17:c8:00:00:01"], "vlan": 20}
    writer(base, [device("dev-a", 4, **known), device("dev-d", 5, sensor=2)])
    check(base)
    assert [row.id for row in HubBackend(Reader(base)).devices().rows] == ["2.dev-d", "1.dev-a", "2.dev-c", "1.dev-b"]
    writer(base, [device("dev-a", 3, type="printer", name="stale"), device("dev-b", 6, gone=True)])
    check(base)
    assert base.execute("SELECT name FROM devices WHERE id = 'dev-a'").fetchone() == ("lobby",)
    writer(base, [device("dev-b", 7, merged="dev-a", gone=True), device("dev-e", 8, merged="dev-a")])
    check(base)
    assert base.execute("SELECT count(*) FROM device_order").fetchone() == (3,)
    writer(base, [device("dev-b", 9), device("dev-e", 9, vlan=0)])
    check(base)
    assert base.execute("SELECT count(*) FROM device_order").fetchone() == (5,)


@WRITERS
def test_alerts_and_what_follows_from_them(base: Connection, writer: Any) -> None:
    """Opened, acknowledged at the hub, closed by the sensor, and opened again with other words."""
    writer(base, (), [alert("alert-a", 1), alert("alert-b", 2, severity=3)])
    check(base)
    put_note(base, 1, Note("alert-a", "pia", "acknowledged", None, "pia", ""))
    check(base)
    writer(base, (), [alert("alert-a", 3, closed=True), alert("alert-b", 4, closed=True, severity=4)])
    check(base)
    assert base.execute("SELECT state FROM alerts ORDER BY id").fetchall() == [("acknowledged",), ("closed",)]
    writer(base, (), [alert("alert-b", 5, summary="printer scanned", parties=["s:printer"]), alert("alert-b", 5)][:1])
    check(base)


def test_values_of_operators_and_a_sensor_that_moves(base: Connection) -> None:
    """Both writers find the words of an operator, and the rows at their new site."""
    write(base, [device("dev-a", 1), device("dev-b", 2, sensor=2)], [alert("alert-a", 1)])
    DeviceValues(base, "pia").correct([Correction("1.dev-a", "owner", "facilities", "pia", 0, "", "")])
    check(base)
    move(base, "s1", PARIS)
    check(base)
    for place, writer in enumerate((write, write_earlier)):
        writer(base, [device("dev-a", 10 + place, site=PARIS, name=f"name{place}")])
        check(base)
    shown = HubBackend(Reader(base, (PARIS,))).devices(DeviceFilter(text="facilities name1"))
    assert [row.id for row in shown.rows] == ["1.dev-a"]
    assert HubBackend(Reader(base, (PARIS,))).devices().facets["vlan"] == {"10": 1}


@pytest.mark.parametrize(("changed", "heap_only"), [({"confidence": 0.9}, 1), ({"name": "lobby"}, 0)])
def test_an_update_that_changes_no_list_writes_no_index(
    base: Connection, changed: dict[str, Any], heap_only: int
) -> None:
    """With each event of a device, its time changes: its row is updated without its indices, unless more changed."""
    write(base, [device("dev-a", 1)])
    with base.transaction():
        write_states(base, [(DEVICES, [device("dev-a", 2, **changed)])])
        updates = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'devices'"
        assert base.execute(updates).fetchone() == (1, heap_only)
    check(base)
