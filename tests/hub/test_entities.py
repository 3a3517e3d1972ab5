"""Entities in the database of a hub: found from the events of two sensors, listed, separated by an operator; a MAC at
two sites at once; and deletion of old months of events.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from sensor.cli.main import main
from sensor.hub.batch import Event, HubLine
from sensor.hub.database import Connection, drop_partitions, ensure_partitions
from sensor.hub.entities import Found, identify, presence
from sensor.hub.intake import Intake
from sensor.hub.presence import Interval
from sensor.hub.rows import Origin
from tests.hub.hub_kit import HubServers

NOW = datetime(2026, 11, 28, 8, tzinfo=UTC)
LAPTOP, CLONE = "3c:d9:2b:01:02:03", "3c:d9:2b:0a:0b:0c"


class Fleet:
    """Two sensors at two sites, whose events are stored as the intake does."""

    def __init__(self, base: Connection) -> None:
        self.base, self._seq = base, 0
        self.sensors = {}
        for site in "Berlin", "Paris":
            row = base.execute(
                "INSERT INTO sensors (key, name, site, sensor_id, sensor_site, state) "
                "VALUES (%(s)s, lower(%(s)s), %(s)s, lower(%(s)s), %(s)s, 'approved') RETURNING number",
                {"s": site},
            ).fetchone()
            self.sensors[site] = int(row[0]) if row else 0

    def see(self, site: str, hours: float, device: str, **more: Any) -> None:
        """Store an event of a device."""
        self._seq += 1
        ts = (NOW + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
        record = {
            "ts": ts, "kind": "device", "action": more.pop("action", "changed"), "id": f"event-{self._seq}",
            "sensor": {"id": site.lower(), "seq": self._seq},
            "device": {"id": device, "type": "laptop", "first_seen": ts, "last_seen": ts} | more,
        }  # fmt: skip
        text = msgspec.json.encode(record)
        line = msgspec.json.decode(text, type=HubLine)
        event = Event(self._seq, NOW + timedelta(hours=hours), line, text)
        with self.base.transaction():
            Intake(self.base).save([(Origin(self.sensors[site], site, 1), event)])


@pytest.fixture
def hub(servers: HubServers) -> HubServers:
    servers.empty()
    with servers.base() as base:
        ensure_partitions(base, [NOW - timedelta(days=days) for days in (0, 100, 200)], NOW)
        fleet = Fleet(base)
        fleet.see("Berlin", 0, "dev-a", macs=[LAPTOP], hostname="LT-00831")
        fleet.see("Berlin", 24, "dev-a", macs=[LAPTOP], action="gone", last_seen="2026-11-28T09:00:00.000000Z")
        fleet.see("Paris", 2, "dev-b", macs=[LAPTOP])
        for site in fleet.sensors:
            for hours in 0, 5:
                fleet.see(site, hours, "dev-c", macs=[CLONE])
        fleet.see("Paris", 0, "dev-d", macs=["3c:d9:2b:00:00:01"], serial="SG1234567")
    return servers


def rows(hub: HubServers, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["hub", *arguments, "--json", "--config", str(hub.config)]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_stays_of_a_travelling_laptop(hub: HubServers, capsys: pytest.CaptureFixture[str]) -> None:
    """Stays are in order, until the last observation; the clone overlaps, a device of one site does not roam."""
    assert main(["hub", "identify", "--config", str(hub.config)]) == 0
    found = rows(hub, capsys, "roaming")
    stays = [(row["site"], row["begins"][:16], row["ends"][:16]) for row in found if "dev-c" not in row["device"]]
    berlin = ("Berlin", "2026-11-28T08:00", "2026-11-28T09:00")
    paris = ("Paris", "2026-11-28T10:00", "2026-11-28T10:00")
    assert stays == [berlin, paris]
    assert {row["device"] for row in found} == {"dev-a", "dev-b", "dev-c"}
    assert [row["device"] for row in rows(hub, capsys, "roaming", "--find", LAPTOP.upper())] == ["dev-a", "dev-b"]
    assert rows(hub, capsys, "roaming", "--site", "Rome") == []


def test_a_travelling_laptop_and_a_clone(hub: HubServers, capsys: pytest.CaptureFixture[str]) -> None:
    """Both are found; only the clone is at two sites at once. Devices that the operator separated stay apart."""
    assert main(["hub", "identify", "--config", str(hub.config)]) == 0
    found = {row["members"][0]: row for row in rows(hub, capsys, "entities")}
    assert found.keys() == {"berlin/dev-a", "berlin/dev-c"}
    assert found["berlin/dev-a"]["sites"] == ["Berlin", "Paris"]
    assert found["berlin/dev-a"]["reasons"] == [f"mac {LAPTOP}"]
    [conflict] = rows(hub, capsys, "conflicts")
    assert (conflict["mac"], conflict["one"], conflict["other"]) == (
        CLONE, "Berlin/berlin/dev-c", "Paris/paris/dev-c",
    )  # fmt: skip
    assert main(["hub", "separate", "paris/dev-c", "berlin/dev-c", "--config", str(hub.config)]) == 0
    assert [row["members"][0] for row in rows(hub, capsys, "entities")] == ["berlin/dev-a"]
    assert rows(hub, capsys, "conflicts") == []
    assert main(["hub", "separate", "paris/dev-x", "berlin/dev-c", "--config", str(hub.config)]) == 1


def test_a_record_that_is_nested_too_deeply(hub: HubServers) -> None:
    """It hides no other device: the time of its event is that of the last sighting."""
    deep = '{"device":{"id":"dev-b","last_seen":"2026-11-28T09:30:00Z","nested":' + "[" * 50_000 + "]" * 50_000 + "}}"
    with hub.base() as base:
        base.execute("UPDATE events SET record = %s WHERE about = 'dev-b'", [deep])
        assert identify(base) == Found(2, 2, 1)
        [(sensor,)] = base.execute("SELECT sensor FROM devices WHERE id = 'dev-b'").fetchall()
        later = NOW + timedelta(hours=2)
        assert presence(base, [(sensor, "dev-b"), (sensor, "dev-x")]) == {
            (sensor, "dev-b"): [Interval(later, later)], (sensor, "dev-x"): [],
        }  # fmt: skip


def test_edges_keep_their_time(hub: HubServers) -> None:
    """Edges without evidence are removed."""
    with hub.base() as base:
        identify(base)
        before = base.execute("SELECT value, at FROM edges ORDER BY 1").fetchall()
        base.execute("UPDATE devices SET macs = '{}' WHERE id = 'dev-c'")
        identify(base)
        assert base.execute("SELECT value, at FROM edges").fetchall() == before[:1]


def test_old_months_are_dropped(hub: HubServers) -> None:
    """Whole partitions and old rows of the default partition are deleted; last states stay."""
    with hub.base() as base:
        fleet = Fleet.__new__(Fleet)
        fleet.base, fleet._seq, fleet.sensors = base, 100, {"Berlin": 1}
        for hours in -24 * 200, -24 * 100, -24 * 700:
            fleet.see("Berlin", hours, "dev-old")
        dropped = drop_partitions(base, NOW - timedelta(days=120))
        assert "events_2026_05" in dropped
        assert "events_2026_08" not in dropped
        oldest = base.execute("SELECT min(ts) FROM events").fetchone()
        assert oldest == (NOW - timedelta(days=100),)
        assert base.execute("SELECT count(*) FROM devices WHERE id = 'dev-old'").fetchone() == (1,)
