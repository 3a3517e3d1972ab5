"""Scheduled hunts with real programs: rows of sensors become findings, and a sensor that did not answer is searched
later for the missed time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sensor.cli.main import main
from sensor.hub.campaigns import refresh_campaigns
from sensor.hub.hunting import HuntResult, Target, hunted
from sensor.hub.scheduled_hunts import Schedule, add_schedule, list_findings, list_schedules, remove_schedule, run_due
from sensor.hub.settings import Hub
from sensor.outputs.hub_protocol.hunts import Hunt
from tests.hub.hub_kit import HubServers
from tests.hub.test_hunting import QUERY, Fleet

# The capture is of 08:00 to 08:20.
NOW, HOUR = datetime(2026, 11, 24, 9, 1, tzinfo=UTC), timedelta(hours=1)
DEVICES = "SELECT DISTINCT dst_port FROM conn WHERE src_ip = '10.20.10.61'"


@pytest.fixture
def sensors(servers: HubServers, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Fleet]:
    servers.empty()
    made = Fleet(servers, tmp_path, capsys)
    yield made
    made.close()


def found(sensors: Fleet, name: str = "ports") -> dict[str, int]:
    """Number of findings by sensor."""
    with sensors.servers.base() as base:
        rows = list_findings(base, name, 100)
    names = sorted({row.sensor for row in rows})
    return {name: sum(row.sensor == name for row in rows) for name in names}


def run(sensors: Fleet, now: datetime) -> list[str]:
    """Run what is due; sensors whose answer is unknown."""
    with sensors.servers.base() as base:
        run_due(sensors.servers.hub, base, now)
        [row] = list_schedules(base)
    assert row.fault == ""
    return [text.partition(":")[0] for text in row.unknown]


def test_findings_of_a_schedule(sensors: Fleet, office: Path) -> None:
    """The first run finds rows of one sensor; the other joins an hour later and is searched from the beginning. A row
    is a finding once, however often it is found.
    """
    sensors.serve("office-1", office.parent / "records")
    sensors.credentials("paris-1", "Paris")
    with sensors.servers.base() as base:
        assert add_schedule(base, Schedule("ports", DEVICES, HOUR, None, 3, "anna"), NOW)
        assert not add_schedule(base, Schedule("ports", QUERY, HOUR, None, 0, "eve"), NOW)
    assert run(sensors, NOW) == ["Paris/paris-1"]
    first = found(sensors)
    assert list(first) == ["office-1"]
    assert first["office-1"] > 1
    assert run(sensors, NOW + HOUR / 2) == ["Paris/paris-1"]
    with sensors.servers.base() as base:
        refresh_campaigns(base, NOW + HOUR)
        rows = base.execute("SELECT kind, value, severity, sites, count FROM campaigns").fetchall()
    assert rows == [("hunt", "ports", 3, ["HQ"], first["office-1"])]
    sensors.servers.queried("UPDATE sensors SET site = 'HQ' WHERE name = 'paris-1' RETURNING 1")
    sensors.serve("paris-2", office.parent / "records")
    assert run(sensors, NOW + HOUR) == ["HQ/paris-1"]
    assert found(sensors) == first
    with sensors.servers.base() as base:
        reached = dict(
            base.execute("SELECT s.name, until FROM hunt_progress JOIN sensors s ON s.key = sensor").fetchall()
        )
        base.execute("UPDATE hunt_progress SET until = %s", [NOW - HOUR])
        base.execute("UPDATE scheduled_hunts SET next = %s", [NOW + HOUR])
    minute = timedelta(minutes=1)
    assert reached == {
        "office-1": NOW + HOUR - minute, "paris-1": NOW - HOUR - minute, "paris-2": NOW + HOUR - minute,
    }  # fmt: skip
    assert run(sensors, NOW + HOUR) == ["HQ/paris-1"]
    assert found(sensors) == first | {"paris-2": first["office-1"]}
    with sensors.servers.base() as base:
        assert {row.count for row in list_findings(base, "ports", 100) if row.sensor == "office-1"} == {2}
        assert remove_schedule(base, "ports")
        assert list_findings(base, "ports", 100) == []


def test_sensors_that_missed_different_times(sensors: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are queried at the same time, each for its own time."""
    calls: list[list[int | None]] = []

    async def counted(hub: Hub, queried: Sequence[tuple[Target, Hunt]], within_s: float) -> list[HuntResult]:
        calls.append([hunt.since for _, hunt in queried])
        return await hunted(hub, queried, within_s)

    monkeypatch.setattr("sensor.hub.scheduled_hunts.hunted", counted)
    for number in range(1, 5):
        sensors.credentials(f"office-{number}")
    with sensors.servers.base() as base:
        add_schedule(base, Schedule("ports", DEVICES, HOUR, None, 0, "anna"), NOW)
        for hours, [key] in enumerate(base.execute("SELECT key FROM sensors").fetchall()):
            base.execute("INSERT INTO hunt_progress VALUES ('ports', %s, %s)", [key, NOW - hours * HOUR])
    assert len(run(sensors, NOW)) == 4
    assert [len(set(begins)) for begins in calls] == [4]


def test_a_hub_without_nats(sensors: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run failed as a whole; the time is searched with the next one."""
    sensors.credentials("office-1")
    hub = sensors.servers.hub
    nats = hub.settings.nats.model_copy(update={"servers": ["nats://127.0.0.1:9"]})
    closed = hub.model_copy(update={"settings": hub.settings.model_copy(update={"nats": nats})})
    monkeypatch.setattr("sensor.hub.hunting.CONNECT_S", 0.5)
    with sensors.servers.base() as base:
        add_schedule(base, Schedule("ports", DEVICES, HOUR, None, 0, "anna"), NOW)
        assert run_due(closed, base, NOW) == 1
        [row] = list_schedules(base)
        assert row.fault
        assert base.execute("SELECT count(*) FROM hunt_progress").fetchone() == (0,)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["schedule", "ports", DEVICES, "--every", "1d", "--severity", "high"], 0),
        (["schedule", "ports", DEVICES, "--every", "5m"], 2), (["schedule", "ports", DEVICES], 2),
        (["schedule", "a b", DEVICES, "--every", "1d"], 2), (["schedule", "ports", "beacons", "--every", "6h"], 0),
        (["findings", "none"], 1), (["unschedule", "none"], 1), (["schedules"], 0),
    ],
)  # fmt: skip
def test_commands(
    sensors: Fleet,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
) -> None:
    config = ["--config", str(sensors.servers.config)]
    assert main(["hub", *arguments, *config]) == code
    capsys.readouterr()
    assert main(["hub", "schedules", "--json", *config]) == 0
    listed = [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()]
    assert listed == (["ports"] if arguments[0] == "schedule" and code == 0 else [])
    assert main(["hub", "findings", "ports", *config]) == (6 if listed else 1)
