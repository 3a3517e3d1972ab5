"""Telemetry of a run: each number matches its source, and every metric has a value."""

from __future__ import annotations

import json
import os
import socket
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sensor.capture.files import open_captures
from sensor.config import load_config
from sensor.core.record import Record
from sensor.delivery.status import Status, save_status
from sensor.eventlog.live_log import LiveLog
from sensor.runtime.daemon import Run
from sensor.telemetry import METRICS
from sensor.telemetry import engine as engine_module
from sensor.telemetry.exposition import samples
from sensor.telemetry.telemetry import Telemetry

CONFIG = """\
sensor: {id: hq, site: HQ}
intel: [bad.txt, gone.txt]
outputs:
  siem: {type: file, path: out.jsonl}
  chat: {type: file, path: chat.jsonl}
"""
# Nothing in this run creates them.
NOT_HERE = {
    "sensor_unit_faults_total",
    "sensor_health_lasting_timestamp_seconds",
    "sensor_messages_malformed_total",
    "sensor_health_findings_total",
}


def send(path: Path) -> dict:
    with socket.socket(socket.AF_UNIX) as there:
        there.connect(str(path))
        there.sendall(b"GET /status.json HTTP/1.0\r\n\r\n")
        return json.loads(b"".join(iter(lambda: there.recv(65536), b"")).partition(b"\r\n\r\n")[2])


class AsLive:
    """A capture whose names are known before it is read, as of an interface."""

    def __init__(self, path: Path) -> None:
        self._source, self.names = open_captures([str(path)]), ["eth0"]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory, root: Path) -> tuple[dict, Run]:
    """The status after the small office capture as a live run, with an output that delivers and one whose forwarder
    does not run.
    """
    folder = tmp_path_factory.mktemp("told")
    (folder / "sensor.yaml").write_text(CONFIG)
    (folder / "bad.txt").write_text("203.0.113.77 c2\nnonsense???\n")
    (folder / "rules").mkdir()
    (folder / "rules" / "a.yaml").write_text("rules:\n- id: x\n")
    config = load_config(folder / "sensor.yaml")
    log = LiveLog(folder / "events.jsonl", config.retention, outputs=("siem", "chat"))
    save_status(
        folder / "events.jsonl",
        Status("siem", "file", "delivering", delivered=7, pending=3, stalled_since=time.time() - 90),
    )
    telemetry = Telemetry(folder / "sensor.sock")
    (folder / "intel").mkdir()
    (folder / "intel" / os.fsdecode(b"odd\xff\x1b[2J.list")).write_text("203.0.113.78\n")
    run = Run(
        config,
        AsLive(root / "pcaps" / "office.pcapng"),
        log,
        live=True,
        lists=folder / "intel",
        rules=[folder / "rules"],
        telemetry=telemetry,
    )
    run.run()
    log.sync()
    telemetry._engine._next_walk = 0.0
    telemetry.tick()
    status = send(folder / "sensor.sock")
    telemetry.close()
    log.close()
    return status, run


def test_every_metric_has_its_value(reported: tuple[dict, Run]) -> None:
    """Every path of the table exists in the status."""
    status, _ = reported
    without = {metric.name for metric in METRICS if not list(samples(metric, status))}
    assert without <= NOT_HERE


def test_numbers_are_those_of_the_run(reported: tuple[dict, Run]) -> None:
    """Packets, devices, alerts and records match the counters of the run and the log."""
    status, run = reported
    capture = run.summary()
    assert (
        status["traffic"]["packets"]
        == sum(one["packets"] for one in status["interfaces"].values())
        == capture["packets"]
        > 0
    )
    assert status["traffic"]["shed"] == capture["shed"]
    assert status["flows"]["opened"] == capture["flows"]
    assert status["devices"]["devices"] == sum(status["devices"]["by_type"].values()) == capture["devices"] > 20
    assert sum(status["alerts"]["open"].values()) == len(run.pipeline.alert_processor.aggregator) > 0
    records = [json.loads(line) for line in run.log.path.read_bytes().splitlines()]
    assert status["log"]["written"] == len(records) == sum(status["records"].values())
    opened = [record for record in records if (record["kind"], record["action"]) == ("alert", "open")]
    assert status["alerts"]["opened"]["high"] == sum(record["severity"] == "high" for record in opened)
    assert [one["id"] for one in status["newest"]] == [record["alert"]["id"] for record in reversed(opened)][
        : engine_module.NEWEST
    ]
    assert status["log"]["bytes"] == run.log.path.stat().st_size


def test_the_first_open_alert_is_in_the_next_status(reported: tuple[dict, Run]) -> None:
    """`none open` is not repeated for seconds after an alert; later alerts are counted at the next traversal. Tables
    of an office evict nothing.
    """
    status, run = reported
    assert not any(status["evicted"].values())
    engine, watched = engine_module.Engine(0.0), run._telemetry._run
    engine._next_walk, engine._open = float("inf"), {}
    assert not any(engine.facts(watched)["alerts"]["open"].values())
    alert = next(
        record
        for record in map(msgspec.json.Decoder(Record).decode, run.log.path.read_bytes().splitlines())
        if (record.kind, record.action) == ("alert", "open")
    )
    engine.take(alert)
    assert engine.facts(watched)["alerts"]["open"] == status["alerts"]["open"]
    planned = engine._next_walk
    engine.take(alert)
    assert engine._next_walk == planned


def test_what_the_operator_gave(reported: tuple[dict, Run]) -> None:
    """Invalid lines are reported with their place."""
    status, _ = reported
    assert status["sensor"]["id"] == "hq"
    assert (status["intel"]["entries"], status["intel"]["left_out"], status["intel"]["unread"]) == (2, 1, 1)
    assert [Path(name).name for name in status["intel"]["lists"]] == ["bad.txt", "odd  [2J.list"], (
        "a name may hold any bytes"
    )
    assert any("bad.txt:2:1: found 'nonsense???'" in line for line in status["intel"]["why"])
    assert (status["rules"]["used"], status["rules"]["faults"] > 0) == (0, True)
    assert "a.yaml:2:3" in status["rules"]["why"][0]
    assert set(status["outputs"]) == {"siem", "chat"}
    assert (status["outputs"]["siem"]["pending"], status["outputs"]["chat"]) == (3, {})
    assert 89 < status["outputs"]["siem"]["stalled_s"] < 200


def test_walking_is_rare(reported: tuple[dict, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices and alerts are counted one by one: if that takes long, it is done less often, to keep its cost low."""
    _, run = reported
    looks, clock = [], [100.0]

    def slow_look() -> dict:
        looks.append(clock[0])
        clock[0] += 0.05
        return {}

    monkeypatch.setattr(engine_module.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(run.pipeline.alert_processor.aggregator, "severities", slow_look, raising=False)
    engine = engine_module.Engine(0.0)
    watched = run._telemetry._run
    for _ in range(200):
        engine.facts(watched)
        clock[0] += 1
    assert len(looks) == 4
    assert all(later - earlier >= 50 for earlier, later in pairwise(looks))
