"""Devices as of a time: names, types and addresses that were valid then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sensor.cli.main import main
from sensor.core.record import RecordMaker
from sensor.eventlog.writer import EventLog
from sensor.records.asof import Labels, devices_at
from sensor.records.hunt_tests import write_rows
from sensor.records.query import Query

pytestmark = pytest.mark.usefixtures("queries_within")

DEVICE = "dev-a"


def _version(ts: float, action: str = "changed", device: str = DEVICE, **more: Any) -> dict[str, Any]:
    return {"ts": ts, "device": device, "action": action} | more


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An address that changed from a printer to a laptop; the printer was renamed before, and is now removed."""
    rows = {
        "device_history": [
            _version(0, "new", name="old-name", type="printer", ips=["10.0.0.5"], macs=["02:00:00:00:00:05"]),
            _version(100, name="new-name", type="printer", ips=["10.0.0.5"], macs=["02:00:00:00:00:05"]),
            _version(200, "gone", name="new-name", type="printer", macs=["02:00:00:00:00:05"]),
            _version(210, "new", "dev-b", name="laptop", type="workstation", ips=["10.0.0.5"],
            macs=["02:00:00:00:00:06"]),
        ],
        "conn": [
            {"ts": ts, "src_ip": "10.0.0.5", "src_device": device, "dst_ip": "203.0.113.9", "dst_port": 443,
            "proto": "tcp",
             "src_bytes": 1, "dst_bytes": 1, "duration": 1.0, "service": "tls"}
            for ts, device in ((50, DEVICE), (150, DEVICE), (250, "dev-b"))
        ],
    }  # fmt: skip
    write_rows(tmp_path / "records", rows)
    return tmp_path


def at(seconds: int) -> str:
    return f"2026-01-01T00:{seconds // 60:02}:{seconds % 60:02}"


def test_who_was_there_when(folder: Path) -> None:
    """The version that was valid is used; no device before it was seen, and no removed one."""
    query = Query(folder / "records")
    try:
        seen = {
            seconds: [(one["device"]["id"], one["device"]["hostname"]) for one in devices_at(query, at(seconds))]
            for seconds in (50, 150, 205, 250)
        }
        labels = Labels(query, [DEVICE, "dev-unknown"])
    finally:
        query.close()
    assert seen == {50: [(DEVICE, "old-name")], 150: [(DEVICE, "new-name")], 205: [], 250: [("dev-b", "laptop")]}
    assert [labels.of(DEVICE, at(seconds)) for seconds in (50, 150)] == ["printer old-name", "printer new-name"]
    assert labels.of("dev-unknown", at(50)) == "dev-unknown"


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    log = EventLog(folder / "events.jsonl")
    log.write(RecordMaker("s").sensor("started", 1_767_225_600 * 10**9, "listening"))
    log.close()

    def run(*words: str) -> tuple[int, str]:
        code = main([*words, "--events", str(folder / "events.jsonl")])
        return code, capsys.readouterr().out

    return run


def test_search_names_devices_as_they_were(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each row has the name of its time; as of a time, nothing later is shown."""
    words = ["search", "10.0.0.5", "--table", "conn", "--csv", "--records", str(folder / "records")]
    assert main(words) == 0
    assert [line.split(",")[2] for line in capsys.readouterr().out.splitlines()[1:]] == [
        "printer old-name (10.0.0.5)", "printer new-name (10.0.0.5)", "workstation laptop (10.0.0.5)",
    ]  # fmt: skip
    assert main([*words, "--at", at(160)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_devices_and_explain(run: Any, folder: Path) -> None:
    code, out = run("devices", "--at", at(150), "--json")
    assert (code, [json.loads(line)["hostname"] for line in out.splitlines()]) == (0, ["new-name"])
    assert run("devices", "type=workstation", "--at", at(150), "--json")[1] == ""
    code, out = run("explain", "10.0.0.5", "--at", at(250))
    assert code == 0
    assert "laptop" in out
    assert run("explain", "10.0.0.5", "--at", at(205))[0] == 1
    assert run("devices", "--at", "2025-12-31")[0] == 1
    assert run("devices", "--at", "yesterday")[0] == 2
