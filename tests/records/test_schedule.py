"""Scheduled hunts: when they run, what they report, and what they do not report twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sensor.alerts.aggregation import AlertAggregator
from sensor.alerts.mutes import Mute, Mutes
from sensor.alerts.processor import AlertProcessor
from sensor.alerts.roles import Roles
from sensor.alerts.scoring import AlertScorer
from sensor.cli.main import main
from sensor.core import addresses
from sensor.core.alert import Alert
from sensor.core.record import Record, RecordMaker
from sensor.core.time_units import SECOND
from sensor.records.hunt_tests import START_S, write_rows
from sensor.records.paths import MANIFEST
from sensor.records.schedule import Schedule, backtest
from sensor.runtime.hunting import Hunting
from tests.detectors.stories import World, device

pytestmark = pytest.mark.usefixtures("queries_within")

SCANNER, VICTIM = "10.0.0.5", "10.0.0.9"
HUNT = """
title: Refused connections to many ports
description: A host that many others refuse is a scanner, or has an old configuration.
techniques: [T1046]
schedule: 1h
look_back: 2h
severity: high
entities: {actor: src_ip, target: dst_ip, time: last}
sql: |
  SELECT src_ip, dst_ip, count(DISTINCT dst_port) AS ports, max(ts) AS last FROM conn WHERE state = 'REJ'
  GROUP BY ALL HAVING ports >= 5
tests:
  - title: A scan
    rows:
      conn:
        - {src_ip: 10.0.0.5, dst_ip: 10.0.0.9, dst_port: 1, state: REJ}
        - {src_ip: 10.0.0.5, dst_ip: 10.0.0.9, dst_port: 2, state: REJ}
        - {src_ip: 10.0.0.5, dst_ip: 10.0.0.9, dst_port: 3, state: REJ}
        - {src_ip: 10.0.0.5, dst_ip: 10.0.0.9, dst_port: 4, state: REJ}
        - {src_ip: 10.0.0.5, dst_ip: 10.0.0.9, dst_port: 5, state: REJ}
  - title: One closed port
    alerts: 0
    rows: {conn: [{src_ip: 10.0.0.5, dst_ip: 10.0.0.9, dst_port: 1, state: REJ}]}
"""


def at(seconds: float) -> int:
    """The given time after the begin of the records, in ns."""
    return int((START_S + seconds) * SECOND)


def scan(begin: float, ports: int, actor: str = SCANNER) -> list[dict[str, Any]]:
    return [
        {"ts": begin + port, "src_ip": actor, "dst_ip": VICTIM, "dst_port": port, "proto": "tcp", "state": "REJ"}
        for port in range(1, ports + 1)
    ]


@pytest.fixture
def hunts(tmp_path: Path) -> Path:
    folder = tmp_path / "hunts"
    folder.mkdir()
    (folder / "knocks.yaml").write_text(HUNT)
    return folder


def messages(schedule: Schedule, now: int) -> list[str]:
    """Actors and targets in the results of the hunts that are due."""
    return [alert.summary for name in schedule.due(now) for alert in schedule.run(name, now)[0]]


ATTEMPTS = "Refused connections to many ports: 10.0.0.5 and 10.0.0.9"


def test_a_finding_is_reported_once(tmp_path: Path, hunts: Path) -> None:
    """A finding is not repeated while the hunt finds it, nor after a restart; after an absence as long as the hunt's
    time span it is new.
    """
    records = tmp_path / "records"
    write_rows(records, {"conn": scan(0, 9) + scan(3 * 3600, 9) + scan(12 * 3600, 9)})
    schedule = Schedule([hunts], records)
    assert schedule.due(at(60)) == ["knocks"]
    assert messages(schedule, at(60)) == [ATTEMPTS]
    assert schedule.due(at(120)) == []
    assert messages(schedule, at(3700)) == []
    again = Schedule([hunts], records)
    assert again.due(at(3800)) == []
    assert messages(again, at(3 * 3600 + 60)) == []
    assert messages(again, at(12 * 3600 + 60)) == [ATTEMPTS]


def test_the_benign_twin(tmp_path: Path, hunts: Path) -> None:
    write_rows(tmp_path / "records", {"conn": scan(0, 4)})
    assert messages(Schedule([hunts], tmp_path / "records"), at(60)) == []


def test_a_clock_that_was_set_back_stops_no_hunt(tmp_path: Path, hunts: Path) -> None:
    write_rows(tmp_path / "records", {"conn": scan(0, 9)})
    schedule = Schedule([hunts], tmp_path / "records")
    messages(schedule, at(86400))
    assert schedule.due(at(60)) == ["knocks"]


def test_files_come_change_and_go(tmp_path: Path, hunts: Path) -> None:
    """A faulty one is named and skipped, the others run."""
    write_rows(tmp_path / "records", {"conn": scan(0, 9)})
    schedule = Schedule([hunts], tmp_path / "records")
    assert not schedule.read()
    (hunts / "broken.yaml").write_text(HUNT.replace("entities:", "entity:"))
    assert schedule.read()
    assert (list(schedule.hunts), [fault.path.name for fault in schedule.faults][:1]) == (["knocks"], ["broken.yaml"])
    (hunts / "broken.yaml").unlink()
    (hunts / "knocks.yaml").write_text(HUNT.replace("schedule: 1h\n", ""))
    assert schedule.read()
    assert (schedule.hunts, schedule.faults) == ({}, [])


@pytest.mark.parametrize(
    ("old", "new"),
    [("FROM conn", "FROM con"), ("actor: src_ip", "actor: who"), ("SELECT src_ip", "COPY (SELECT src_ip")],
)
def test_a_query_that_fails_reports_why_and_waits_for_its_turn(tmp_path: Path, hunts: Path, old: str, new: str) -> None:
    write_rows(tmp_path / "records", {"conn": scan(0, 9)})
    (hunts / "knocks.yaml").write_text(HUNT.replace(old, new, 1))
    schedule = Schedule([hunts], tmp_path / "records")
    alerts, fault = schedule.run("knocks", at(60))
    assert alerts == []
    assert fault
    assert schedule.due(at(70)) == []


def test_alerts_are_bounded_and_each_actor_is_one(tmp_path: Path, hunts: Path) -> None:
    rows = [row for number in range(100) for row in scan(0, 6, f"10.0.1.{number}")]
    write_rows(tmp_path / "records", {"conn": rows})
    alerts, _ = Schedule([hunts], tmp_path / "records").run("knocks", at(60))
    assert len({alert.actor.address for alert in alerts}) == len(alerts) == 64
    assert len({alert.ts for alert in alerts}) == 64


def test_a_device_is_named_by_its_id(tmp_path: Path, hunts: Path) -> None:
    (hunts / "knocks.yaml").write_text(HUNT.replace("src_ip", "src_device"))
    known = [{"device": "dev-a", "ips": [SCANNER], "macs": ["02:00:00:00:00:05"], "action": "new"}]
    write_rows(
        tmp_path / "records", {"conn": [row | {"src_device": "dev-a"} for row in scan(0, 9)], "device_history": known}
    )
    (alert,) = Schedule([hunts], tmp_path / "records").run("knocks", at(60))[0]
    assert (alert.actor.address, alert.actor.mac) == (addresses.parse(SCANNER), 0x020000000005)


# In the alert processor.


class Reported:
    """An alert processor, and its output."""

    def __init__(self, mutes: Mutes | None = None, roles: Roles | None = None) -> None:
        self.reported: list[Record] = []
        self.muted: list[Record] = []
        world = World(device("workstation", SCANNER))
        self.alert_processor = AlertProcessor(
            AlertAggregator(), RecordMaker("s"), self.reported.append, world.device, scorer=AlertScorer(world, roles),
            mutes=mutes, muted=self.muted.append
        )  # fmt: skip

    def alerts(self) -> list[tuple[str, str]]:
        return [(record.action, record.severity) for record in self.reported if record.kind == "alert"]


@pytest.fixture
def found(tmp_path: Path, hunts: Path) -> list[Alert]:
    write_rows(tmp_path / "records", {"conn": scan(0, 9)})
    return Schedule([hunts], tmp_path / "records").run("knocks", at(60))[0]


def test_findings_pass_the_alert_room(found: list[Alert]) -> None:
    """An alert has an id, the row that proves it, and a technique."""
    reported = Reported()
    reported.alert_processor.take(found)
    assert reported.alerts() == [("open", "high")]
    record = reported.reported[0]
    assert isinstance(record.alert, dict)
    assert (record.alert["detector"], record.alert["attack"][0]["technique"]) == ("discovery.hunt_knocks", "T1046")
    assert record.alert["numbers"]["ports"] == 9
    assert isinstance(record.evidence, list)
    assert record.evidence[0]["event"] == "record.hunt"
    assert (record.evidence[0]["ts"], record.alert["first"]) == ("2026-01-01T00:00:09.000000Z",) * 2


def test_a_mute_silences_a_hunt(found: list[Alert]) -> None:
    mute = Mute(id="m", detector="discovery.hunt_*", author="a", reason="r")
    reported = Reported(mutes=Mutes([mute]))
    reported.alert_processor.take(found)
    assert reported.alerts() == []
    assert len(reported.muted) == 1


def test_a_role_makes_it_milder(found: list[Alert]) -> None:
    """A vulnerability scanner is expected to scan."""
    reported = Reported(roles=Roles({"scanner": [SCANNER]}))
    reported.alert_processor.take(found)
    assert reported.alerts() == [("open", "low")]


# Beside the engine.


def test_the_engine_never_waits(tmp_path: Path, hunts: Path) -> None:
    """The engine starts a search and collects the results at a later poll."""
    write_rows(tmp_path / "records", {"conn": scan(0, 9)})
    hunting = Hunting([hunts], tmp_path / "records")
    assert hunting.look(at(60)).alerts == ()
    thread = hunting._thread
    assert thread is not None
    thread.join()
    assert [alert.summary for alert in hunting.look(at(61)).alerts] == [ATTEMPTS]
    assert hunting.look(at(75)).alerts == ()
    assert hunting._thread is None


def test_no_records_are_no_fault_of_the_sensor(tmp_path: Path, hunts: Path) -> None:
    """Records appear later; the hunt is due again then."""
    schedule = Schedule([hunts], tmp_path / "records")
    assert schedule.run("knocks", at(60))[0] == []
    write_rows(tmp_path / "records", {"conn": scan(0, 9)})
    assert messages(schedule, at(70)) == [ATTEMPTS]


def test_records_that_cannot_be_read_are_a_fault(
    tmp_path: Path, hunts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hunt that was not run found nothing: that is no all-clear, and a replay is no remedy."""
    (tmp_path / "records" / MANIFEST).mkdir(parents=True)
    found, fault = Schedule([hunts], tmp_path / "records").run("knocks", at(60))
    assert (found, MANIFEST in fault) == ([], True)
    assert main(["records", "status", "--records", str(tmp_path / "records")]) == 3
    assert (error := capsys.readouterr().err).startswith("sensor: ")
    assert "replay" not in error


# Backtest.


def test_a_backtest_is_the_schedule_in_the_past(tmp_path: Path, hunts: Path) -> None:
    records = tmp_path / "records"
    write_rows(records, {"conn": scan(0, 9) + scan(12 * 3600, 9)})
    schedule, runs = Schedule([hunts], records), []
    alerts = list(
        backtest(records, schedule.hunts, at(0), at(13 * 3600), lambda done, total: runs.append((done, total)))
    )
    assert [alert.summary for alert in alerts] == [ATTEMPTS, ATTEMPTS]
    assert alerts[0].ts < at(3700) < alerts[1].ts
    assert runs[-1] == (13, 13)


def test_commands(tmp_path: Path, hunts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hunt", "test", "--state", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("passed") == 2
    (hunts / "knocks.yaml").write_text(HUNT.replace("ports >= 5", "ports >= 6"))
    assert main(["hunt", "test", "--state", str(tmp_path)]) == 1
    assert main(["hunt", "test", "nosuch", "--state", str(tmp_path)]) == 1
    records = tmp_path / "other"
    write_rows(records, {"conn": scan(0, 9)})
    capsys.readouterr()
    assert main(["hunt", "try", str(hunts / "knocks.yaml"), "--since", "2h", "--records", str(records), "--json"]) == 0
    assert '"detector":"discovery.hunt_knocks"' in capsys.readouterr().out
    assert main(["hunt", "try", "certificate_reuse", "--records", str(records)]) == 2
