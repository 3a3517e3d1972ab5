"""``sensor run``: what it says where it cannot listen, and a short life on the loopback interface of a network of its own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

import sensor.eventlog
from sensor.cli import run
from sensor.cli.main import main, parser
from sensor.logs import logs

SCHEMA = jsonschema.Draft202012Validator(json.loads((Path(sensor.eventlog.__file__).parent / "schema.json").read_text(encoding="utf-8")))


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SENSOR_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no interface to listen on: name one with -i (there are: "),
        (["-i", "no/name"], "'no/name' cannot be the name of an interface"),
        (["-i", "eth0", "-i", "eth0"], "an interface is named twice"),
    ],
)
def test_nothing_to_listen_on(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    """One line that says what to do; exit code 2: it would be in vain to try again."""
    assert main(["run", *words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"sensor: {said}")
    assert told.err.count("\n") == 1


def test_interfaces_of_the_configuration(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """They count where the command line names none, and only there."""
    path = tmp_path / "sensor.yaml"
    path.write_text("capture: {interfaces: [in/valid]}\n")
    assert main(["run", "--config", str(path)]) == 2
    assert "'in/valid'" in capsys.readouterr().err
    assert main(["run", "--config", str(path), "-i", "mine/wrong"]) == 2
    assert "'mine/wrong'" in capsys.readouterr().err


def test_a_broken_configuration(capsys: pytest.CaptureFixture[str], tmp_path: Path, state: Path) -> None:
    """Told with its place before anything is opened; exit code 2."""
    path = tmp_path / "sensor.yaml"
    path.write_text("capture:\n  interface: eth0\n")
    assert main(["run", "--config", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"{path}:2:3: found the key 'interface'")
    assert not state.exists()


@pytest.mark.parametrize("command", ["run", "replay", "forward"])
def test_faults_where_a_machine_reads_them(capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str) -> None:
    """A message each, with the place, before anything is opened."""
    path = tmp_path / "sensor.yaml"
    path.write_text("outputs:\n  siem: 7\nlogging: loud\n")
    words = ["office.pcapng"] if command == "replay" else []
    assert main([command, *words, "--config", str(path), "--log-format", "json"]) == 2
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(one["level"], one["event"].split(": ")[0]) for one in told] == [("error", f"{path}:2:9"), ("error", f"{path}:3:10")]


def test_a_log_that_is_in_use(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Two sensors cannot number one log."""
    from sensor.eventlog.writer import EventLog

    first = EventLog(tmp_path / "log")
    assert main(["run", "-i", "eth0", "--events", str(tmp_path / "log")]) == 3
    assert capsys.readouterr().err == f"sensor: cannot write the event log {tmp_path / 'log'}: another sensor writes it\n"
    first.close()


def test_a_log_that_may_not_be_written(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line; exit code 4, as for interfaces that may not be listened on."""

    def refused(path: Path, _: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(run, "_opened", refused)
    assert main(["run", "-i", "eth0", "--events", str(tmp_path / "log")]) == 4
    assert capsys.readouterr().err == f"sensor: cannot write the event log {tmp_path / 'log'}: Permission denied\n"


def test_what_a_reload_reads(tmp_path: Path) -> None:
    """All that goes with the configuration, at the places of this run; what the command line names goes before it, and our own log is set anew."""
    path = tmp_path / "sensor.yaml"
    (tmp_path / "rules").mkdir()
    path.write_text("logging: {level: error}\nalerts: {mutes: quiet.yaml}\nevidence: {folder: packets}\n")
    args = parser(["run"]).parse_args(["run", "-i", "eth0", "--config", str(path)])
    at = run._settings(args, tmp_path / "state")
    assert (at.mutes, at.evidence, list(at.rules)) == (tmp_path / "quiet.yaml", tmp_path / "packets", [tmp_path / "rules"])
    assert logs._LOG.level == logs.LEVELS.index("error")
    path.write_text("evidence: {enabled: false}\n")
    args = parser(["run"]).parse_args(["run", "-i", "eth0", "--config", str(path), "--mutes", str(tmp_path / "mine.yaml")])
    at = run._settings(args, tmp_path / "state")
    assert (at.mutes, at.evidence) == (tmp_path / "mine.yaml", None)
    assert logs._LOG.level == logs.LEVELS.index("info")


@pytest.mark.lab
def test_a_filter_that_is_none(tmp_path: Path) -> None:
    """It is the configuration that is wrong, wherever it stands; exit code 2."""
    script = f"ip link set lo up && exec {sys.executable} -m sensor run -i lo --filter 'port port' --events {tmp_path / 'events.jsonl'}"
    told = subprocess.run(["unshare", "--net", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr.startswith("sensor: filter 'port port' does not compile: ")) == (2, True)


@pytest.mark.lab
def test_a_life_on_the_loopback_interface(tmp_path: Path) -> None:
    """Two runs into one log: packets are counted, times are those of the clock, Ctrl-C ends them in good order, and the numbers go on."""
    log = tmp_path / "events.jsonl"
    torn = b'{"ts":"2026-11-24T09:14'
    for _ in range(2):
        script = f"ip link set lo up && exec {sys.executable} -m sensor run -i lo --filter udp --events {log}"
        with subprocess.Popen(["unshare", "--net", "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            _wait_for(process, log, b'"started"')
            knock = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); [s.sendto(b'x', ('127.0.0.1', 9)) for _ in range(5)]"
            subprocess.run(["nsenter", f"--net=/proc/{process.pid}/ns/net", sys.executable, "-c", knock], check=True)
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert out == b""
        assert b"Traceback" not in err
        with log.open("ab") as file:
            file.write(torn)
    assert re.search(rb"the last line was torn and is cut off \(23 bytes\)", err)
    records = [json.loads(line) for line in log.read_bytes().removesuffix(torn).splitlines()]
    for record in records:
        SCHEMA.validate(record)
    assert [record["sensor"]["seq"] for record in records] == list(range(1, len(records) + 1))
    assert [record["action"] for record in records if record["kind"] == "sensor"] == ["started", "summary", "stopped"] * 2
    summary = records[-2]["capture"]
    assert (summary["source"], summary["packets"], summary["dropped"]) == ("lo", 5, 0)
    assert not any("emitted" in record for record in records)


def _wait_for(process: subprocess.Popen[bytes], path: Path, text: bytes) -> None:
    """Until a run that has just begun says so at the end of its log."""
    before = path.stat().st_size if path.exists() else 0
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if path.exists() and text in path.read_bytes()[max(0, before - 64) :]:
            return
        time.sleep(0.02)
    process.kill()
    raise AssertionError(f"{path} never said {text!r}: {process.communicate()[1]!r}")
