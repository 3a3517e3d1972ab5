"""``sensor run``: errors where it cannot capture, and a short run on the loopback interface of a network namespace."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import jsonschema
import pytest

import sensor.eventlog
from sensor.cli import run
from sensor.cli._codes import Exit
from sensor.cli.main import main, parser
from sensor.config import Config
from sensor.core.record import Origin, Record
from sensor.logs import logs
from tests import forked, namespaces
from tests.golden import Golden
from tests.waiting import until

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((Path(sensor.eventlog.__file__).parent / "schema.json").read_text(encoding="utf-8"))
)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SENSOR_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        ([], "-i"),
        (["-i", "no/name"], "'no/name'"),
        (["-i", "eth0", "-i", "eth0"], "eth0, eth0"),
    ],
)
def test_nothing_to_listen_on(capsys: pytest.CaptureFixture[str], arguments: list[str], output: str) -> None:
    """Without an interface one line names the remedy, with exit code 2: another attempt would fail too."""
    assert main(["run", *arguments]) == 2
    result = capsys.readouterr()
    assert result.out == ""
    assert result.err.startswith("sensor: ")
    assert result.err.endswith(" [capture.invalid-argument]\n")
    assert output in result.err
    assert result.err.count("\n") == 1


def test_interfaces_of_the_configuration(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The configured interfaces are used if the command line names none."""
    path = tmp_path / "sensor.yaml"
    path.write_text("capture: {interfaces: [in/valid]}\n")
    assert main(["run", "--config", str(path)]) == 2
    assert "'in/valid'" in capsys.readouterr().err
    assert main(["run", "--config", str(path), "-i", "mine/wrong"]) == 2
    assert "'mine/wrong'" in capsys.readouterr().err


def test_a_broken_configuration(capsys: pytest.CaptureFixture[str], tmp_path: Path, state: Path) -> None:
    """An invalid configuration is reported with its place before anything is opened; exit code 2."""
    path = tmp_path / "sensor.yaml"
    path.write_text("capture:\n  interface: eth0\n")
    assert main(["run", "--config", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"{path}:2:3: found the key 'interface'")
    assert not state.exists()


@pytest.mark.parametrize("command", ["run", "replay", "forward"])
def test_faults_where_a_machine_reads_them(capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str) -> None:
    """One message for each fault, with its place, before anything is opened."""
    path = tmp_path / "sensor.yaml"
    path.write_text("outputs:\n  siem: 7\nlogging: loud\n")
    arguments = ["office.pcapng"] if command == "replay" else []
    assert main([command, *arguments, "--config", str(path), "--log-format", "json"]) == 2
    result = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(one["level"], one["event"].split(": ")[0]) for one in result] == [
        ("error", f"{path}:2:9"),
        ("error", f"{path}:3:10"),
    ]


def ready(tmp_path: Path, log: Path) -> run._Ready:
    """Objects that a run creates after opening its interfaces."""
    arguments = ["run", "-i", "lo", "--events", str(log), "--state", str(tmp_path / "state")]
    return run._Ready(parser(["run"]).parse_args(arguments), Config(), tmp_path / "state", log, ExitStack())


def test_a_log_that_is_in_use(golden: Golden, tmp_path: Path) -> None:
    """Two sensors cannot number the records of one log."""
    from sensor.eventlog.writer import EventLog

    first = EventLog(tmp_path / "log")
    with pytest.raises(Exit) as stop:
        ready(tmp_path, tmp_path / "log").open()
    assert stop.value.code == 3
    golden(stop.value.message)
    first.close()


def test_a_log_that_may_not_be_written(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unwritable log is one line with exit code 4, as for missing capture permissions."""

    def refused(path: Path, _: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(run, "_opened", refused)
    with pytest.raises(Exit) as stop:
        ready(tmp_path, tmp_path / "log").open()
    assert stop.value.code == 4
    golden(stop.value.message)


def test_a_sensor_begins_where_a_replay_was(capsys: pytest.CaptureFixture[str], tmp_path: Path, root: Path) -> None:
    """The inventory is continued; the replay's results are a separate dataset, and never part of the sensor's log."""
    state = tmp_path / "state"
    assert main(["replay", str(root / "pcaps" / "dissectors" / "dhcp.pcap"), "--state", str(state)]) == 0
    found = (state / "events.jsonl").read_bytes()
    opened = ready(tmp_path, state / "events.jsonl")
    opened.open()
    opened.abandon()
    assert "sensor alerts --data dhcp" in capsys.readouterr().err
    assert (state / "datasets" / "dhcp" / "events.jsonl").read_bytes() == found
    assert main(["devices", "--data", "live", "--state", str(state)]) == 0
    assert "printer" in capsys.readouterr().out


def test_an_interface_that_is_mistyped(capsys: pytest.CaptureFixture[str], tmp_path: Path, state: Path) -> None:
    """It is rejected with the nearest existing one, and no file is created."""
    path = tmp_path / "sensor.yaml"
    path.write_text("capture: {interfaces: [loo]}\n")
    for arguments in (["-i", "loo"], ["--config", str(path)]):
        assert main(["run", *arguments]) == 3
        err = capsys.readouterr().err
        assert err.startswith("sensor: no interface 'loo' (")
        assert "did you mean 'lo'?" in err
    assert not state.exists()


def test_what_a_reload_reads(tmp_path: Path) -> None:
    """A reload reads all files of the configuration at the paths of this run; the command line takes precedence, and
    logging is set up again.
    """
    path = tmp_path / "sensor.yaml"
    (tmp_path / "rules").mkdir()
    path.write_text("logging: {level: error}\nalerts: {mutes: quiet.yaml}\nevidence: {folder: packets}\n")
    args = parser(["run"]).parse_args(["run", "-i", "eth0", "--config", str(path)])
    at = run._settings(args, tmp_path / "state")
    assert (at.mutes, at.evidence, list(at.rules)) == (
        tmp_path / "quiet.yaml",
        tmp_path / "packets",
        [tmp_path / "rules"],
    )
    assert logs._LOG.level == logs.LEVELS.index("error")
    path.write_text("evidence: {enabled: false}\n")
    args = parser(["run"]).parse_args(
        ["run", "-i", "eth0", "--config", str(path), "--mutes", str(tmp_path / "mine.yaml")]
    )
    at = run._settings(args, tmp_path / "state")
    assert (at.mutes, at.evidence) == (tmp_path / "mine.yaml", None)
    assert logs._LOG.level == logs.LEVELS.index("info")


@pytest.mark.lab
def test_a_filter_that_is_none(tmp_path: Path) -> None:
    """An invalid filter is a configuration error, wherever it is given; exit code 2."""
    options = ["-i", "lo", "--filter", "port port", "--events", str(tmp_path / "events.jsonl")]
    command = [sys.executable, "-m", "sensor", "run", *options]
    result = forked.run(command, first=namespaces.leave, capture_output=True, text=True)
    assert (result.returncode, "'port port'" in result.stderr) == (2, True)
    assert result.stderr.endswith("[capture.invalid-argument]\n"), result.stderr


@pytest.mark.lab
def test_without_the_permission_nothing_is_left_behind(tmp_path: Path, root: Path) -> None:
    """Without permission the exit code is 4; no folder, log or inventory is created that would hide a replay."""
    script = (
        f"ip link set lo up && exec setpriv --bounding-set=-net_raw {sys.executable} -m sensor run -i "
        f"lo --state {tmp_path / 'state'}"
    )
    result = subprocess.run(["unshare", "--net", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert (result.returncode, list(tmp_path.iterdir())) == (4, []), result.stderr


@pytest.mark.lab
def test_a_life_on_the_loopback_interface(tmp_path: Path) -> None:
    """Two runs write one log: packets are counted, times are those of the clock, Ctrl-C is an orderly stop, and the
    numbers continue.
    """
    log = tmp_path / "events.jsonl"
    torn = b'{"ts":"2026-11-24T09:14'
    for _ in range(2):
        command = [sys.executable, "-m", "sensor", "run", "-i", "lo", "--filter", "udp", "--events", str(log)]
        with forked.started(command, first=namespaces.leave, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            _wait_for(process, log, b'"started"')
            probe = (
                "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); [s.sendto(b'x', "
                "('127.0.0.1', 9)) for _ in range(5)]"
            )
            subprocess.run(["nsenter", f"--net=/proc/{process.pid}/ns/net", sys.executable, "-c", probe], check=True)
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert out == b""
        assert re.search(rb"lo, filter 'udp'; event log \S+events.jsonl, ", err)
        assert re.search(rb"stopped: \d+ packets, 0 \w+; \d+ devices \w+, 0 alerts \w+; \d+ events ", err)
        assert b"Traceback" not in err
        with log.open("ab") as file:
            file.write(torn)
    assert re.search(rb"\(23 bytes\)", err)
    records = [json.loads(line) for line in log.read_bytes().removesuffix(torn).splitlines()]
    for record in records:
        SCHEMA.validate(record)
    assert [record["sensor"]["seq"] for record in records] == list(range(1, len(records) + 1))
    assert [record["action"] for record in records if record["kind"] == "sensor"] == [
        "started",
        "summary",
        "stopped",
    ] * 2
    summary = records[-2]["capture"]
    assert (summary["source"], summary["packets"], summary["dropped"]) == ("lo", 5, 0)
    assert not any("emitted" in record for record in records)


def test_lines_of_devices_and_alerts(capsys: pytest.CaptureFixture[str]) -> None:
    """The time is marked as UTC; repetitions of an alert are not printed."""
    ts, origin = "2026-11-24T08:11:11.000000Z", Origin(id="hq", version="1")
    for kind, action in (("device", "new"), ("alert", "open"), ("alert", "update"), ("sensor", "started")):
        run._print_record(
            Record(ts=ts, kind=kind, action=action, severity="medium", msg=action, schema="1.0", sensor=origin)
        )
    assert capsys.readouterr().out == "08:11:11Z medium   new\n08:11:11Z medium   open\n"


def _wait_for(process: subprocess.Popen[bytes], path: Path, text: bytes) -> None:
    """Waits until a starting run writes this at the end of its log."""
    before = path.stat().st_size if path.exists() else 0

    def reported() -> bool:
        assert process.poll() is None, process.communicate()[1]
        return path.exists() and text in path.read_bytes()[max(0, before - 64) :]

    until(reported)
