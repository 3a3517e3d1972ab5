"""sensor forward: to the end or until stopped, one for each cursor, reloading a configuration, and killed at any
moment.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sensor.datasets.reload_request import request_reload
from sensor.delivery.status import load_status
from sensor.records.outbox import Outbox
from tests.cli.faults import reports
from tests.delivery.test_traffic import CONNECTIONS, written
from tests.eventlog.segmented import Segmented, line
from tests.forked import started
from tests.golden import Golden
from tests.runtime.test_notify import Manager
from tests.waiting import until

CONFIG = "outputs:\n  archive: {type: file, path: out.jsonl, batch_ms: 0}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sensor.yaml").write_text(CONFIG)
    (tmp_path / "events.jsonl").write_bytes(b"".join(line(number) for number in range(1, 101)))
    return tmp_path


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts a forwarder of the folder; those that still run at the end are stopped."""
    running: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-m",
            "sensor",
            "forward",
            "--config",
            "sensor.yaml",
            "--events",
            "events.jsonl",
            *arguments,
        ]
        running.append(
            started(
                command, cwd=folder, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(Path.cwd())}
            )
        )
        return running[-1]

    yield run
    for one in running:
        one.kill()
        one.wait()
        if one.stderr is not None:
            one.stderr.close()


def numbers(path: Path) -> list[int]:
    return [json.loads(text)["sensor"]["seq"] for text in path.read_bytes().split(b"\n")[:-1]] if path.exists() else []


def test_once(run_cli, folder: Path) -> None:
    """Everything in the log is delivered, then it exits; a second time there is nothing to deliver."""
    arguments = ("forward", "--config", str(folder / "sensor.yaml"), "--events", str(folder / "events.jsonl"), "--once")
    assert run_cli(*arguments).code == 0
    assert numbers(folder / "out.jsonl") == list(range(1, 101))
    assert run_cli(*arguments).code == 0
    assert len(numbers(folder / "out.jsonl")) == 100


def test_once_with_what_cannot_be_delivered(golden: Golden, run_cli, folder: Path) -> None:
    """An unreachable output is given up after some attempts and reported; the other outputs finish."""
    (folder / "sensor.yaml").write_text(
        CONFIG + "  gone: {type: file, path: /dev/full, backoff_s: 0.01, backoff_max_s: 0.01}\n"
    )
    result = run_cli(
        "forward", "--config", str(folder / "sensor.yaml"), "--events", str(folder / "events.jsonl"), "--once"
    )
    assert result.code == 1
    golden(result.err, "gone: 100")
    assert len(numbers(folder / "out.jsonl")) == 100


def test_once_with_traffic_records_that_cannot_be_delivered(golden: Golden, run_cli, folder: Path) -> None:
    """Traffic records that are left are a failure too, although no event is."""
    (folder / "sensor.yaml").write_text(
        "outputs:\n"
        "  gone: {type: file, path: /dev/full, backoff_s: 0.01, backoff_max_s: 0.01, filter: {kinds: [conn]}}\n"
    )
    Outbox(folder / "records", "gone", ["conn"])
    written(folder / "records", "conn", CONNECTIONS)
    result = run_cli(
        "forward", "--config", str(folder / "sensor.yaml"), "--events", str(folder / "events.jsonl"), "--once"
    )
    assert result.code == 1
    golden(result.err, "gone: traffic records: 50")


@pytest.mark.parametrize(
    ("text", "arguments", "output"),
    [
        ("sensor: {id: x}\n", (), ("output.none-configured",)),
        (CONFIG, ("--output", "archve"), ("output.unknown", "'archve'", "'archive'")),
        ("outputs:\n  a: {type: fil, path: x}\n", (), ("config.invalid-value", "2:13", "'fil'")),
    ],
)
def test_what_makes_no_sense(
    run_cli, folder: Path, text: str, arguments: tuple[str, ...], output: tuple[str, ...]
) -> None:
    """Invalid input is reported with its place."""
    (folder / "sensor.yaml").write_text(text)
    result = run_cli("forward", "--config", str(folder / "sensor.yaml"), "--once", *arguments)
    assert result.code == 2
    assert reports(result, *output), result.err


@pytest.mark.slow
def test_until_stopped(golden: Golden, folder: Path, start: Start) -> None:
    """New records are delivered; a second forwarder is rejected; SIGHUP, and a request in its folder, load another
    output; SIGTERM stops it with all cursors saved.
    """
    one = start()
    until(lambda: len(numbers(folder / "out.jsonl")) == 100)
    other = start("--once")
    _, output = other.communicate(timeout=60)
    assert other.returncode == 3
    golden(output, "delivers")
    (folder / "sensor.yaml").write_text(CONFIG + "  second: {type: file, path: second.jsonl}\n")
    one.send_signal(signal.SIGHUP)
    until(lambda: len(numbers(folder / "second.jsonl")) == 100)
    third = "  second: {type: file, path: second.jsonl}\n  third: {type: file, path: third.jsonl}\n"
    (folder / "sensor.yaml").write_text(CONFIG + third)
    request_reload(folder)
    until(lambda: len(numbers(folder / "third.jsonl")) == 100)
    (folder / "sensor.yaml").write_text("outputs: wrong\n")
    one.send_signal(signal.SIGHUP)
    with (folder / "events.jsonl").open("ab") as file:
        file.write(line(101))
    until(lambda: numbers(folder / "second.jsonl")[-1] == 101)
    one.send_signal(signal.SIGTERM)
    _, output = one.communicate(timeout=60)
    assert one.returncode == 0
    golden(output, "previous")
    status = load_status(folder / "events.jsonl", "archive")
    assert status is not None
    assert (status.state, status.delivered, status.pending) == ("stopped", 101, 0)


@pytest.mark.slow
def test_a_service_manager_is_reported(folder: Path, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd is notified: ready once the outputs run, watchdog while they run, reloading and ready again with a valid
    or an invalid configuration, stopping.
    """
    manager = Manager(str(folder / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(folder / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "300000")
    one, received = start(), list[str]()

    def receives(word: str, count: int = 1) -> bool:
        received.extend(manager.received())
        return sum(output.startswith(word) for output in received) >= count

    until(lambda: receives("READY=1"))
    assert received[0].startswith("READY=1\nSTATUS=1 output, ")
    until(lambda: receives("WATCHDOG=1", 5))
    for number, text in enumerate((CONFIG, "outputs: wrong\n"), 2):
        (folder / "sensor.yaml").write_text(text)
        one.send_signal(signal.SIGHUP)
        until(lambda number=number: receives("READY=1", number))
    one.send_signal(signal.SIGTERM)
    _, output = one.communicate(timeout=60)
    assert receives("STOPPING=1")
    states = [word.partition("\n")[0] for word in received if not word.startswith(("WATCHDOG", "STATUS"))]
    assert states == ["READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]
    assert "sensor.yaml:1:10: found 'wrong'" in output
    manager.close()


@pytest.mark.slow
def test_killed_at_any_moment(tmp_path: Path, folder: Path, start: Start) -> None:
    """Killed five times while records are written: the file has each record once and in order, and alerts too."""
    (folder / "events.jsonl").unlink()
    log = Segmented(folder / "events.jsonl")
    log.add(1)
    for number in range(5):
        one = start()
        goal = len(numbers(folder / "out.jsonl"))
        for _ in range(10):
            log.add(400)
            log.add(1, "alert")
            time.sleep(0.01)
        log.rotate()
        until(lambda goal=goal: len(numbers(folder / "out.jsonl")) > goal)
        time.sleep(0.007 * number)
        one.kill()
        one.communicate()
    assert start("--once").wait(120) == 0
    got = numbers(folder / "out.jsonl")
    assert sorted(got) == list(range(1, log.last + 1))
    kinds = {
        json.loads(text)["sensor"]["seq"]: json.loads(text)["kind"]
        for text in (folder / "out.jsonl").read_bytes().splitlines()
    }
    for kind in ("alert", "device"):
        came = [number for number in got if kinds[number] == kind]
        assert came == sorted(came)


def test_its_own_log_is_as_the_configuration_reports(golden: Golden, start: Start, folder: Path) -> None:
    """Format and level of its own log are those of the configuration; the command line overrides the format; a secret
    quoted in an error is masked.
    """
    away = (
        f"  away: {{type: http, url: 'http://127.0.0.1:9/in', token: 'file:{folder}/token', timeout_s: "
        f"1, backoff_s: 0.05, backoff_max_s: 0.05}}\n"
    )
    (folder / "sensor.yaml").write_text(CONFIG + away + "logging: {format: json}\n")
    (folder / "token").write_text("127.0.0.1\n")  # the log has the connection's error too
    process = start()
    until(lambda: (status := load_status(folder / "events.jsonl", "away")) is not None and status.tries > 0)
    (folder / "sensor.yaml").write_text(CONFIG + away + "logging: {format: json, level: error}\n")
    process.send_signal(signal.SIGTERM)
    output = [json.loads(line) for line in process.communicate(timeout=60)[1].splitlines()]
    golden([(one["event"], one["level"], one.get("output")) for one in output][:2])
    assert "••• port 9" in output[1]["error"]
    assert "••• port 9" in load_status(folder / "events.jsonl", "away").error
    process = start("--log-format", "console")
    until(
        lambda: (
            (status := load_status(folder / "events.jsonl", "away")) is not None
            and status.state != "stopped"
            and status.tries > 0
        )
    )
    process.send_signal(signal.SIGTERM)
    assert "cannot deliver" not in process.communicate(timeout=60)[1], "warnings are not said"


def test_it_needs_nothing_of_the_engine(folder: Path) -> None:
    """The engine is not imported: it starts quickly and needs few permissions."""
    code = (
        "import sys; from sensor.cli.main import main; "
        "main(['forward','--config','sensor.yaml','--events','events.jsonl','--once']);"
        "print([name for name in sys.modules if name != 'sensor.config_file' and "
        "name.startswith(('sensor.detectors','sensor.dissectors','sensor.decode','sensor.capture','sensor.inventory',"
        "'sensor.engine','sensor.runtime.daemon','sensor.config','scapy','dpkt'))])"
    )
    made = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
    )
    assert made.stdout == "[]\n"
