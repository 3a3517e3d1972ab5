"""sensor outputs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from sensor.delivery.forwarder import Lock
from sensor.delivery.requests import requested
from sensor.delivery.status import Status, save_status, status_path
from tests.cli.faults import reports
from tests.eventlog.segmented import line

CONFIG = """\
sensor: {id: hq, site: HQ}
outputs:
  archive: {type: file, path: out.jsonl}
  nowhere: {type: syslog, host: 127.0.0.1, port: 9, timeout_s: 2}
  spare: {type: http, url: "https://siem.example/in?token=hidden", enabled: false}
"""


@pytest.fixture
def outputs(run_cli, tmp_path: Path):
    """sensor outputs with its own configuration and log."""
    folder = tmp_path / "delivery"
    folder.mkdir()
    (folder / "sensor.yaml").write_text(CONFIG)
    (folder / "events.jsonl").write_bytes(b"".join(line(number) for number in range(1, 101)))
    return lambda *arguments: run_cli(
        "outputs", *arguments, "--config", str(folder / "sensor.yaml"), "--events", str(folder / "events.jsonl")
    )


@pytest.fixture
def folder(outputs, tmp_path: Path) -> Path:
    return tmp_path / "delivery"


@pytest.fixture
def delivered(run_cli, folder: Path) -> None:
    """Delivers the whole log to the archive."""
    arguments = ("--config", str(folder / "sensor.yaml"), "--events", str(folder / "events.jsonl"))
    assert run_cli("forward", "--once", "--output", "archive", *arguments).code == 0


def test_list(outputs) -> None:
    """Type, destination, format and delivery guarantee are listed, for disabled outputs too; secrets are masked."""
    result = outputs("list")
    assert result.code == 0
    assert [text.split()[0] for text in result.lines] == ["OUTPUT", "archive", "nowhere", "spare"]
    assert "at least once" in result.lines[1]
    assert "127.0.0.1:9" in result.lines[2]
    assert "hidden" not in result.out
    assert outputs().out == result.out
    rows = [json.loads(text) for text in outputs("list", "--json").lines]
    assert [(row["output"], row["type"], row["enabled"]) for row in rows] == [
        ("archive", "file", "yes"),
        ("nowhere", "syslog", "yes"),
        ("spare", "http", "no"),
    ]


def test_those_of_the_service(run_cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --config the outputs are those of the system's configuration."""
    monkeypatch.setattr("sensor.config_file.SYSTEM", tmp_path / "sensor.yaml")
    assert run_cli("outputs", "list").code == 2
    (tmp_path / "sensor.yaml").write_text(CONFIG)
    assert [text.split()[0] for text in run_cli("outputs", "list").lines] == ["OUTPUT", "archive", "nowhere", "spare"]
    assert [text.split()[1] for text in run_cli("outputs", "status", "archive").lines] == ["STATE", "stopped"]


def test_check(outputs) -> None:
    """Each finding has one line; the exit code is 1 if one is an error."""
    result = outputs("check")
    assert result.code == 1
    assert result.lines[0].startswith("archive  ok       permission: ")
    assert any(text.startswith("nowhere  error") for text in result.lines)
    assert not any("spare" in text.split() for text in result.lines)
    assert outputs("check", "archive").code == 0
    assert json.loads(outputs("check", "archive", "--json").out)["level"] == "ok"


def test_a_test_event(outputs, folder: Path) -> None:
    """The event is marked as a test and has another sensor name, so that no gap appears in the sensor's numbers."""
    result = outputs("test", "archive")
    assert result.code == 0
    record = json.loads((folder / "out.jsonl").read_text())
    assert (record["kind"], record["action"], record["sensor"]["id"], record["facts"]["test"]) == (
        "sensor",
        "health",
        "hq-test",
        True,
    )
    assert record["id"] in result.out
    assert outputs("test", "nowhere").code == 1


def test_status(outputs, delivered: None) -> None:
    """Delivered and pending records are read from the files; for an output that never ran all are pending."""
    result = [json.loads(text) for text in outputs("status", "--json").lines]
    assert [(one["name"], one["state"], one["delivered"], one["pending"]) for one in result] == [
        ("archive", "stopped", 100, 0),
        ("nowhere", "stopped", 0, 100),
    ]
    assert all(
        one["read"] == one["delivered"] + one["filtered"] + one["refused"] + one["missing"] + one["pending"]
        for one in result
    )
    assert outputs("status", "archive").code == 0
    assert outputs("status", "nowhere").code == 1
    text = outputs("status").lines
    assert text[0].split()[:4] == ["OUTPUT", "STATE", "DELIVERED", "PENDING"]
    assert text[2].split()[:4] == ["nowhere", "stopped", "0", "100"]


def test_status_of_traffic_records(outputs, folder: Path) -> None:
    """Records that are not accepted for a minute, or by no process, fail the command as events do."""
    log = folder / "events.jsonl"
    status_path(log, "archive").parent.mkdir(exist_ok=True)
    lock = Lock(log, "archive", 0)
    try:
        for seconds, code in ((5, 0), (90, 1)):
            status = Status("archive", "file", "idle", records_pending=4, records_error="HTTP 403")
            status.written, status.records_stalled_since = time.time(), time.time() - seconds
            save_status(log, status)
            result = outputs("status", "archive")
            assert result.code == code
            assert "HTTP 403" in result.lines[-1]
    finally:
        lock.close()
    assert outputs("status", "archive").code == 1


def test_replay(outputs, delivered: None, folder: Path, run_cli) -> None:
    """Records are replayed by time, and their number is shown; a running forwarder receives the request."""
    result = outputs("replay", "archive", "--since", "2026-11-24T09:01:20")
    assert result.out.startswith("archive: 21 records ")
    (folder / "out.jsonl").unlink()
    arguments = (
        "--config",
        str(folder / "sensor.yaml"),
        "--events",
        str(folder / "events.jsonl"),
        "--output",
        "archive",
    )
    assert run_cli("forward", "--once", *arguments).code == 0
    assert [json.loads(text)["sensor"]["seq"] for text in (folder / "out.jsonl").read_text().splitlines()] == list(
        range(80, 101)
    )
    lock = Lock(folder / "events.jsonl", "archive")
    assert outputs("replay", "archive", "--since", "2026-11-24T09:01:31Z").out.startswith("archive: 10 records ")
    assert requested(folder / "events.jsonl", "archive") == 90
    lock.close()
    assert "no records" in outputs("replay", "archive", "--since", "1s").out


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (("chek",), ("usage.unknown-action", "'check'")),
        (("check", "archve"), ("output.unknown", "'archive'")),
        (("replay", "archive"), ("usage.missing-argument",)),
        (("replay", "--since", "2h"), ("usage.missing-argument",)),
        (("replay", "archive", "--since", "soon"), ("usage.missing-argument",)),
    ],
)
def test_what_makes_no_sense(outputs, arguments: tuple[str, ...], output: tuple[str, ...]) -> None:
    """Invalid input is reported, and nothing is done."""
    result = outputs(*arguments)
    assert result.code == 2
    assert reports(result, *output), result.err
