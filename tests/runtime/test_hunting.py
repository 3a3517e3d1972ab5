"""A live sensor searches its traffic records: by schedule, and when a threat list or a rule changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensor.core.addresses import Networks
from sensor.intel.names import SUFFIX
from sensor.intel.store import ThreatLists
from sensor.records.hunt_tests import START_S, write_rows
from sensor.rules.load import Rules
from sensor.runtime.hunting import BROKEN, NOTHING, Found, Hunting
from tests.forked_queries import forked_queries  # noqa: F401 - a fixture
from tests.kit import tcp_frame
from tests.live_kit import Sensor, alerts, sensor_records
from tests.records.test_schedule import HUNT, scan

ADDRESS = "203.0.113.66"
FRAME = tcp_frame("10.0.0.5", "10.0.0.6", dport=80, flags=2)


@pytest.fixture
def sensor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sensor:
    """A sensor with records of an hour ago: a scan, and a connection to an address that is on no list yet. It looks for
    hunts every second.
    """
    monkeypatch.setattr("sensor.runtime.hunting.EVERY_S", 1)
    ago = time.time() - START_S - 3600
    called = {
        "ts": ago,
        "src_ip": "10.0.0.7",
        "dst_ip": ADDRESS,
        "dst_port": 443,
        "proto": "tcp",
        "direction": "outbound",
    }
    write_rows(tmp_path / "traffic", {"conn": [*scan(ago, 9), called]})
    return Sensor(tmp_path, "sensor: {id: s}\n", traffic=tmp_path / "traffic")


def until(
    one: Sensor, happened: Callable[[list[dict[str, Any]]], object], do: Callable[[], object] = lambda: None
) -> Any:
    """The step in which something is done, and records of the log show the result."""

    def happen() -> Callable[[], bool]:
        do()
        return lambda: bool(happened(one.records()))

    return happen


def named(records: list[dict[str, Any]], word: str) -> bool:
    """A health event names ``word``."""
    return any(word in record["msg"] for record in sensor_records(records, "health"))


def test_a_scheduled_hunt_becomes_an_alert(sensor: Sensor) -> None:
    """A hunt that is added during the run raises one alert; a faulty hunt beside it is named."""

    def add() -> None:
        (sensor.folder / "hunts").mkdir()
        (sensor.folder / "hunts" / "knocks.yaml").write_text(HUNT)
        (sensor.folder / "hunts" / "odd.yaml").write_text("title: x\n")

    def seen(found: list[dict[str, Any]]) -> bool:
        return bool(alerts(found, "hunt_knocks")) and named(found, "odd.yaml")

    records = sensor.live(FRAME, until(sensor, seen, add), FRAME)
    (alert,) = alerts(records, "hunt_knocks")
    assert (alert["src"]["ip"], alert["dst"]["ip"], alert["severity"]) == ("10.0.0.5", "10.0.0.9", "high")
    assert named(records, "odd.yaml")


def test_a_threat_list_that_changes_looks_back(sensor: Sensor) -> None:
    """The connection of an hour ago raises an alert now, with its own time."""

    def add() -> None:
        (sensor.folder / "intel").mkdir()
        (sensor.folder / "intel" / f"bad{SUFFIX}").write_text(f"{ADDRESS} botnet controller\n")

    records = sensor.live(FRAME, until(sensor, lambda found: alerts(found, "malicious_address"), add), FRAME)
    (alert,) = alerts(records, "malicious_address")
    assert alert["alert"]["numbers"]["retrospective"] == 1
    assert (alert["src"]["ip"], alert["dst"]["ip"]) == ("10.0.0.7", ADDRESS)
    assert alert["alert"]["first"] < alert["ts"]
    assert alert["evidence"][0]["ts"] == alert["alert"]["first"]


def test_a_rule_that_is_added_looks_back(sensor: Sensor) -> None:
    """The connection of an hour ago raises an alert, with its own time; a rule that records cannot answer is named."""

    def add() -> None:
        folder = sensor.folder / "rules"
        folder.mkdir()
        rule = "{id: called, title: Called, when: flow.ended, where: {dst: ADDRESS}, severity: high}"
        more = "{id: odd, title: Announced, when: arp.announcement}"
        (folder / "ours.yaml").write_text(f"rules:\n  - {rule.replace('ADDRESS', ADDRESS)}\n  - {more}\n")
        sensor.wanted = True

    def seen(found: list[dict[str, Any]]) -> bool:
        return bool(alerts(found, "custom.called")) and named(found, "arp.announcement")

    records = sensor.live(FRAME, until(sensor, seen, add), FRAME)
    (alert,) = alerts(records, "custom.called")
    assert (alert["alert"]["numbers"]["retrospective"], alert["severity"]) == (1, "high")
    assert (alert["src"]["ip"], alert["dst"]["ip"]) == ("10.0.0.7", ADDRESS)
    assert alert["alert"]["first"] < alert["ts"]
    assert named(records, "arp.announcement")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_search_with_a_fault_of_the_sensor_is_no_empty_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search that raises is reported once, and the next one is an ordinary search again."""
    write_rows(tmp_path / "records", {"conn": scan(time.time() - START_S, 3)})
    hunting = Hunting([], tmp_path / "records")
    monkeypatch.setattr("sensor.runtime.hunting.write_waiting_aside", lambda *_: 1 / 0)
    assert searched(hunting) is BROKEN
    monkeypatch.undo()
    assert searched(hunting).faults == ()


def test_a_rule_that_is_removed_is_not_searched(tmp_path: Path) -> None:
    """A changed rule that waits for its look-back and is then removed is forgotten; the other one stays."""
    file = tmp_path / "rules.yaml"
    first, *later = (Rules([written(file, names)]) for names in ([], ["a", "b"], ["b"]))
    hunting = Hunting([], tmp_path / "records", first)
    for rules in later:
        hunting.watch(rules, Networks())
    assert [*hunting._changed] == ["b"]


def searched(hunting: Hunting) -> Found:
    """The result of one look-back."""
    hunting.look_back(ThreatLists([]), ThreatLists([]))
    assert hunting.look(time.time_ns()) == NOTHING
    assert hunting._thread is not None
    hunting._thread.join()
    return hunting.look(time.time_ns())


def written(file: Path, names: list[str]) -> Path:
    rules = [f"  - {{id: {name}, title: Called, when: flow.ended, where: {{dst: {ADDRESS}}}}}\n" for name in names]
    file.write_text("rules:\n" + "".join(rules) if rules else "rules: []\n")
    return file
