"""An upgrade of the hub's database keeps counters, search words and notes of existing rows."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from sensor.hub.database import Connection, upgrade
from sensor.hub.schema import MIGRATIONS, VERSION
from sensor.hub.views.backend import HubBackend
from sensor.hub.views.query import Reader
from sensor.views.alert_filter import AlertFilter
from sensor.views.devices import DeviceFilter
from tests.hub.hub_kit import HubServers

BEFORE_LISTS = 3
RECORD = {"kind": "alert", "src": {"ip": "10.1.2.3", "hostname": "NAS"}, "dst": {"ip": "203.0.113.66"}, "targets": "?"}


@pytest.fixture
def earlier(servers: HubServers) -> Iterator[Connection]:
    """A database of the version before counters and search words, with a device and an alert that has notes."""
    with servers.base() as base:
        base.execute("DROP DATABASE IF EXISTS earlier")
        base.execute("CREATE DATABASE earlier")
    url = servers.hub.settings.database.url.rpartition("/")[0] + "/earlier"
    with psycopg.connect(url, autocommit=True) as base:
        for step in MIGRATIONS[:BEFORE_LISTS]:
            base.execute(sql.SQL(step))
        base.execute("CREATE TABLE hub_version (version integer NOT NULL)")
        base.execute("INSERT INTO hub_version VALUES (%s)", [BEFORE_LISTS])
        base.execute(
            "INSERT INTO sensors (key, name, site, sensor_id, sensor_site, state) "
            "VALUES ('K', 'berlin-1', 'Berlin', 'berlin-1', '', 'approved')"
        )
        for name, record in (("alert-a", json.dumps(RECORD)), ("alert-b", '{"src":"no object"}')):
            base.execute(
                "INSERT INTO alerts (sensor, id, site, log, seq, first, last, closed, severity, risk, count, detector, "
                "title, summary, src, dst, record) VALUES (1, %s, 'Berlin', 1, 1, now(), now(), false, 2, 1, 1, 'd', "
                "'Port scan', 'NAS scanned', 'NAS', '203.0.113.66', %s)",
                [name, record],
            )
        for state, seconds in (("acknowledged", 2), ("closed", 1)):
            base.execute(
                "INSERT INTO alert_notes (sensor, alert, at, author, state, verdict) "
                "VALUES (1, 'alert-a', now() - make_interval(secs => %s), 'eve', %s, 'benign')",
                [seconds, state],
            )
        base.execute(
            "INSERT INTO devices (sensor, id, site, log, seq, first, last, gone, merged, name, type, vendor, model, "
            "ips, macs, confidence, record) VALUES (1, 'dev-a', 'Berlin', 1, 1, now(), now(), false, '', 'NAS', "
            "'nas', 'Acme', '', '{10.1.2.3}', '{00:17:c8:1a:2b:3c}', 1, '{\"device\":{\"vlan\":20}}')"
        )
        yield base
    with servers.base() as base:
        base.execute("DROP DATABASE earlier WITH (FORCE)")


def test_rows_of_an_earlier_version_are_in_all_lists(earlier: Connection) -> None:
    """Old rows are found by state, verdict, words and addresses, and counted; a second upgrade changes nothing."""
    for _ in range(2):
        upgrade(earlier)
        assert earlier.execute("SELECT max(version) FROM hub_version").fetchone() == (VERSION,)
    hub = HubBackend(Reader(earlier))
    assert hub.alerts().facets["state"] == {"open": 1, "closed": 1}
    closed = AlertFilter(state=("closed",), verdict=("benign",), text="scanned", source="nas", target="203.0.113.66")
    assert [row.id for row in hub.alerts(closed).rows] == ["1.alert-a"]
    assert [note.action for note in hub.alert("alert-a").notes] == ["acknowledge", "verdict", "close"]
    for wanted in (
        DeviceFilter(text="acme"), DeviceFilter(address="10.1.2.0/24"), DeviceFilter(type=("nas",)),
        DeviceFilter(vlan=(20,)),
    ):  # fmt: skip
        assert [row.id for row in hub.devices(wanted).rows] == ["1.dev-a"]


def test_a_record_that_postgresql_cannot_parse(earlier: Connection) -> None:
    """A record with NUL does not stop the upgrade; its alert is listed, and other alerts have their incidents."""
    record = r'{"src":{"ip":"10.1.2.3\u0000"}}'
    earlier.execute("UPDATE alerts SET record = %s WHERE id = 'alert-b'", [record])
    upgrade(earlier)
    story = json.dumps({"incident": {"story": [{"alert": "alert-a"}]}})
    for name, text in (("incident-a", story), ("incident-b", record)):
        earlier.execute(
            "INSERT INTO incidents (sensor, id, site, log, seq, first, last, closed, severity, risk, count, summary, "
            "record) SELECT 1, %s, 'Berlin', 1, 1, first, last, false, 2, 1, 1, 's', %s FROM alerts "
            "WHERE id = 'alert-a'",
            [name, text],
        )
    hub = HubBackend(Reader(earlier))
    assert hub.alerts().total == 2
    assert hub.alert("alert-a").incidents == ["1.incident-a"]


def test_readers_keep_their_access(earlier: Connection) -> None:
    """Readers of all sites read new tables that have no site; others read those with a site only."""
    for role, site in (("whole", "*"), ("team", "Berlin")):
        earlier.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        earlier.execute("INSERT INTO site_access VALUES (%s, %s)", [role, site])
    upgrade(earlier)
    granted = earlier.execute(
        "SELECT role, name FROM unnest('{upgrades,releases,rollouts}'::text[]) name, unnest('{whole,team}'::text[]) "
        "role WHERE has_table_privilege(role, name, 'SELECT') ORDER BY 1, 2"
    ).fetchall()
    earlier.execute("DROP OWNED BY whole, team; DROP ROLE whole, team")
    assert granted == [("team", "upgrades"), ("whole", "releases"), ("whole", "rollouts"), ("whole", "upgrades")]


def test_counts_follow_rows_that_go(earlier: Connection) -> None:
    """A deleted alert and a truncated table leave neither counters nor search words."""
    upgrade(earlier)
    earlier.execute("DELETE FROM alerts WHERE id = 'alert-a'")
    assert HubBackend(Reader(earlier)).alerts().facets["state"] == {"open": 1}
    assert earlier.execute("SELECT count(*) FROM alert_words").fetchone() == (1,)
    earlier.execute("TRUNCATE alerts, devices CASCADE")
    for table in ("alert_words", "alert_counts", "device_words", "device_counts", "device_order", "vlan_counts"):
        assert earlier.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone() == (0,)
