"""Partitions of events: by month, and within a month by sensor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sensor.hub.batch import Message
from sensor.hub.database import PARTS, Connection, drop_partitions, ensure_partitions
from sensor.hub.intake import Intake
from sensor.hub.sensors import move
from sensor.outputs.hub_protocol.messages import Head, batch_id, sealed
from tests.hub.hub_kit import SITE, HubServers
from tests.hub.test_quarantine import lines

NOW = datetime(2026, 11, 29, tzinfo=UTC)
SENSORS, EVENTS = 40, 10
_SHARES = """
SELECT sensor, count(DISTINCT tableoid), count(*), min(tableoid::regclass::text) FROM events GROUP BY 1 ORDER BY 1"""


@pytest.fixture
def base(servers: HubServers) -> Iterator[Connection]:
    """The database with enrolled sensors, and without a partition."""
    servers.empty()
    with servers.base() as base:
        drop_partitions(base, NOW + timedelta(days=400))
        for number in range(SENSORS):
            base.execute(
                "INSERT INTO sensors (key, name, site, sensor_id, sensor_site, state) "
                "VALUES (%s, %s, %s, %s, %s, 'approved')",
                [f"K{number}", f"s{number}", SITE, f"s{number}", SITE],
            )
        yield base
        drop_partitions(base, NOW + timedelta(days=400))


def message(number: int, epoch: str = "e1") -> Message:
    """A batch of one sensor."""
    content = lines(EVENTS, sensor=f"s{number}")
    head = Head(f"s{number}", SITE, "0.1.0", epoch, [(1, EVENTS)], int(NOW.timestamp()) * 10**9)
    return Message(f"K{number}", batch_id(f"K{number}", epoch, head.runs, content), "1", NOW, sealed(head, content))


def test_a_month_has_parts_by_sensor(base: Connection) -> None:
    """Each sensor has all its events in one part; most parts are used, and a query for a sensor reads one."""
    outcomes = Intake(base).take([message(number) for number in range(SENSORS)])
    assert {outcome.reason for outcome in outcomes} == {""}
    shares = base.execute(_SHARES).fetchall()
    assert [row[1:3] for row in shares] == [(1, EVENTS)] * SENSORS
    assert len({row[3] for row in shares}) > PARTS // 2
    plan = base.execute("EXPLAIN (FORMAT JSON) SELECT FROM events WHERE sensor = %s AND ts = %s", [shares[0][0], NOW])
    assert relations(plan.fetchall()[0][0][0]["Plan"]) == {shares[0][3]}


def test_events_of_a_moved_sensor_stay_single(base: Connection) -> None:
    """It sends its log again under another epoch, from another site: nothing is added."""
    intake = Intake(base)
    intake.take([message(0)])
    move(base, "s0", "Paris")
    base.execute("UPDATE sensors SET sensor_site = %s WHERE name = 's0'", [SITE])
    assert [outcome.reason for outcome in intake.take([message(0, "e2")])] == [""]
    assert base.execute("SELECT count(*), count(DISTINCT site) FROM events").fetchone() == (EVENTS, 1)


def test_a_month_of_an_earlier_version_has_no_parts(base: Connection) -> None:
    """It keeps taking events. Retention removes months with and without parts, and nothing else."""
    base.execute("CREATE TABLE events_2026_11 PARTITION OF events FOR VALUES FROM ('2026-11-01Z') TO ('2026-12-01Z')")
    assert [outcome.reason for outcome in Intake(base).take([message(0)])] == [""]
    assert base.execute("SELECT DISTINCT tableoid::regclass::text FROM events").fetchall() == [("events_2026_11",)]
    ensure_partitions(base, [NOW + timedelta(days=10)], NOW)
    names = base.execute("SELECT count(*) FROM pg_class WHERE relname ~ '^events_2026_12_[0-9]+$' AND relkind = 'r'")
    assert names.fetchone() == (PARTS,)
    assert drop_partitions(base, datetime(2026, 12, 1, tzinfo=UTC)) == ["events_2026_11"]
    assert drop_partitions(base, datetime(2027, 1, 1, tzinfo=UTC)) == ["events_2026_12"]
    left = base.execute("SELECT relname FROM pg_class WHERE relname ~ '^events_' AND relkind IN ('r', 'p')").fetchall()
    assert left == [("events_other",)]


def relations(plan: dict[str, Any]) -> set[str]:
    """The tables that a plan reads."""
    own = {plan["Relation Name"]} if "Relation Name" in plan else set()
    return own.union(*(relations(part) for part in plan.get("Plans", [])))
