"""``sensor replay`` as users and programs run it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import signal
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import sensor.cli.replay
import sensor.eventlog
from sensor.cli.main import main
from sensor.core.time_units import SECOND
from sensor.datasets.card import LIVE, Card, write_card
from sensor.datasets.count import counts_of
from sensor.datasets.dataset import END_PART, PACKETS, dataset_in
from tests.capture.captures import Frame, pcap
from tests.forked import run as run_program
from tests.forked import started
from tests.golden import Golden
from tests.kit import ethernet, ipv4, udp
from tests.processes import wait_until_idle

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((Path(sensor.eventlog.__file__).parent / "schema.json").read_text(encoding="utf-8"))
)
Runs = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"SENSOR_STATE": str(tmp_path / "state"), "TERM": "xterm"}


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Runs:
    """Runs the command in this process."""
    monkeypatch.setenv("SENSOR_STATE", str(tmp_path / "state"))

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = ["replay", *map(str, arguments)]
        code = main(command)
        return subprocess.CompletedProcess(command, code, *capfd.readouterr())

    return run


@pytest.fixture
def process(environment: dict[str, str]) -> Runs:
    """Runs the command in a child process."""

    def run(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sensor", "replay", *map(str, arguments)]
        return run_program(command, env=environment, capture_output=True, text=True, check=False, **options)

    return run


@pytest.fixture
def dhcp(root: Path) -> Path:
    return root / "pcaps" / "dissectors" / "dhcp.pcap"


def records(text: str) -> list[dict[str, Any]]:
    """Lines of a log; each follows the schema, and the numbers have no gap."""
    found = [json.loads(line) for line in text.splitlines()]
    for record in found:
        SCHEMA.validate(record)
    assert [record["sensor"]["seq"] for record in found] == list(range(1, len(found) + 1))
    return found


def summary_of(found: list[dict[str, Any]]) -> dict[str, Any]:
    (summary,) = [record["capture"] for record in found if record["action"] == "summary"]
    return summary


def test_tables_and_figures(golden: Golden, replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """Standard output has the dataset, devices, alerts and one line of counts, standard error nothing; the log is in
    the dataset.
    """
    result = replay(dhcp)
    assert (result.returncode, result.stderr) == (0, "")
    dataset, head, *rows, devices, alerts, figures = result.stdout.splitlines()
    golden(dataset)
    assert head.split()[:3] == ["TYPE", "VENDOR", "MODEL"]
    assert any(row.startswith("printer") and "Brother" in row for row in rows)
    assert devices.startswith(f"{len(rows)} devices: ")
    assert alerts == "no alerts"
    log = tmp_path / "state" / "datasets" / "dhcp" / "events.jsonl"
    found = records(log.read_text())
    pattern = (
        r"12 packets in [\d.]+ s \([\d,]+/s\), 6 flows, 0 malformed, 0 dropped, 0 damaged files; "
        rf"{len(found)} events in {re.escape(str(log))}"
    )
    assert re.fullmatch(pattern, figures)
    assert "\x1b" not in result.stdout


def test_events_on_standard_output(replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """Standard output has only lines of the log; the rest goes to standard error, and no file is written."""
    result = replay(dhcp, "--events", "-")
    assert result.returncode == 0
    found = records(result.stdout)
    assert [found[0]["action"], *(record["action"] for record in found[-2:])] == ["started", "summary", "stopped"]
    assert "printer" in result.stderr
    assert "12 packets in" in result.stderr
    assert not (tmp_path / "state").exists()


def test_a_second_replay_gives_the_same_log(golden: Golden, replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """The lines are the same, ids included; the dataset of the same capture is replaced, and this is reported."""
    log = tmp_path / "state" / "datasets" / "dhcp" / "events.jsonl"
    assert replay(dhcp).stderr == ""
    first = log.read_bytes()
    golden(replay(dhcp).stderr)
    assert [path.name for path in (tmp_path / "state" / "datasets").iterdir()] == ["dhcp"]
    assert log.read_bytes() == first
    assert len({record["id"] for record in records(first.decode())}) == len(first.splitlines())


def test_json_at_the_end(replay: Runs, dhcp: Path) -> None:
    """One object a line instead of tables: devices, then the summary with the run time."""
    *devices, summary = map(json.loads, replay(dhcp, "--json").stdout.splitlines())
    assert {"printer", "voip_phone"} <= {record["device"]["type"] for record in devices}
    assert summary["capture"]["packets"] == 12
    assert summary["seconds"] > 0


def test_files_that_cannot_be_read(replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """One line for each file with the reason, and the supported formats if its own is none; the others are replayed;
    exit code 3.
    """
    text = tmp_path / "notes.txt"
    text.write_text("These are my notes.\n")
    result = replay(tmp_path / "nowhere.pcap", text, dhcp)
    assert result.returncode == 3
    missing, strange = result.stderr.splitlines()
    assert missing == f"sensor: {tmp_path / 'nowhere.pcap'}: {os.strerror(errno.ENOENT)} [capture.not-read]"
    assert strange.startswith(f"sensor: {text}: text")
    assert "supported: pcap, pcapng" in strange
    assert "12 packets in" in result.stdout


def test_a_name_that_is_mistyped(replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """If no file is readable, not even a folder is created, and the result of the last replay is kept."""
    log, named = tmp_path / "state" / "datasets" / "dhcp" / "events.jsonl", tmp_path / "named.jsonl"
    assert replay(dhcp.with_name("dhpc.pcap")).returncode == 3
    assert replay(dhcp.with_name("dhpc.pcap"), "--state", tmp_path / "other").returncode == 3
    assert not (tmp_path / "state").exists()
    assert not (tmp_path / "other").exists()
    replay(dhcp)
    first = log.read_bytes()
    assert replay(dhcp.with_name("dhpc.pcap")).returncode == 3
    assert log.read_bytes() == first
    assert replay(dhcp.with_name("dhpc.pcap"), "--events", named).returncode == 3
    assert not named.exists()
    assert [path.name for path in (tmp_path / "state" / "datasets").iterdir()] == ["dhcp"]


def test_a_file_of_mutes_that_is_mistyped(replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """Without the named mutes other alerts would be reported: the replay does not begin, and writes nothing."""
    result = replay(dhcp, "--mutes", tmp_path / "mute.yaml")
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.endswith("[file.not-read]\n")
    assert str(tmp_path / "mute.yaml") in result.stderr
    assert not (tmp_path / "state").exists()


def test_a_folder_of_evidence_that_cannot_be_written(replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """The replay does not begin without the packets that its user wants to keep."""
    (tmp_path / "file").write_text("")
    result = replay(dhcp, "--evidence", tmp_path / "file" / "packets")
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.endswith("[file.not-written]\n")
    assert str(tmp_path / "file" / "packets") in result.stderr
    assert not (tmp_path / "state").exists()


def test_frames_that_are_not_decoded(replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """The last lines name link types whose frames are only counted; those of Ethernet are decoded."""
    zigbee = tmp_path / "zigbee.pcap"
    zigbee.write_bytes(dhcp.read_bytes()[:20] + (195).to_bytes(4, "little") + dhcp.read_bytes()[24:])
    assert "ieee802_15_4_withfcs: 12 frames" in replay(zigbee).stdout
    assert "not decoded" not in replay(dhcp).stdout


def test_a_damaged_file(replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """Everything before the damage is analyzed, and its offset is reported; this is not a failure of the sensor."""
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(dhcp.read_bytes()[:-5])
    result = replay(cut, "--events", "-")
    assert result.returncode == 0
    summary = summary_of(records(result.stdout))
    assert summary["packets"] in (11, 12)
    assert str(cut) in summary["damages"][0]
    assert f"sensor: {summary['damages'][0]} [capture.damaged]\n" in result.stderr


def test_a_damaged_file_without_a_packet(replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """Nothing is known: neither tables nor success."""
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(dhcp.read_bytes()[:30])
    result = replay(cut)
    assert (result.returncode, len(result.stdout.splitlines())) == (3, 1)
    assert "[capture.damaged]" in result.stderr


def test_mistakes_in_the_configuration(replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """All faults are reported with their places; nothing is read; exit code 2."""
    path = tmp_path / "sensor.yaml"
    path.write_text("networks: [10.0.0/8]\nintell: []\n")
    result = replay(dhcp, "--config", path)
    assert (result.returncode, result.stdout) == (2, "")
    first, second = result.stderr.splitlines()
    assert first.startswith(f"{path}:1:11: ")
    assert second.startswith(f"{path}:2:1: found the key 'intell'")
    assert "did you mean 'intel'?" in second


@pytest.mark.parametrize("text", [None, "what is this\nno address\n"])
def test_a_list_that_cannot_be_used(replay: Runs, dhcp: Path, tmp_path: Path, text: str | None) -> None:
    """The fault is reported with its place; exit code 2."""
    path = tmp_path / "bad.txt"
    if text is not None:
        path.write_text(text)
    result = replay(dhcp, "--intel", path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{path}:1:1: ")
    assert "Traceback" not in result.stderr


def test_a_list_with_a_bad_line(golden: Golden, replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """The line is reported as a log message, as JSON if configured; the rest of the list is used."""
    path = tmp_path / "mixed.txt"
    path.write_text("203.0.113.9\nwhat is this\n")
    result = replay(dhcp, "--intel", path, "--log-format", "json")
    assert result.returncode == 0
    (line,) = result.stderr.splitlines()
    golden(json.loads(line)["line"], "2:1")


def test_a_log_that_cannot_be_written(golden: Golden, replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """A log given by option is an error, exit code 3; without the log of the state folder the replay continues."""
    foreign = tmp_path / "foreign.txt"
    foreign.write_text("precious\n")
    result = replay(dhcp, "--events", foreign)
    assert (result.returncode, result.stdout) == (3, "")
    golden(result.stderr)
    assert foreign.read_text() == "precious\n"
    (tmp_path / "state").write_text("in the way")
    result = replay(dhcp)
    assert result.returncode == 0
    assert "continuing without" in result.stderr
    assert "12 packets in" in result.stdout


def test_a_file_in_place_of_the_state_folder(replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """A file given as the state folder is an error, and stays as it is."""
    (foreign := tmp_path / "foreign.txt").write_text("precious\n")
    result = replay(dhcp, "--state", foreign)
    assert (result.returncode, "[file.not-written]" in result.stderr) == (3, True)
    assert foreign.read_text() == "precious\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(golden: Golden, replay: Runs, dhcp: Path) -> None:
    """A full disk is one line; exit code 3."""
    result = replay(dhcp, "--events", "/dev/full")
    assert result.returncode == 3
    golden(result.stderr)


def test_whoever_has_read_enough(environment: dict[str, str], root: Path) -> None:
    """``sensor replay --events - … | head -1`` is quiet."""
    command = f"{sys.executable} -m sensor replay --events - {root / 'pcaps' / 'office.pcapng'} | head -1"
    result = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=True)
    assert len(result.stdout.splitlines()) == 1
    assert "Traceback" not in result.stderr
    assert "Broken" not in result.stderr


def test_standard_input(process: Runs, dhcp: Path) -> None:
    """``tcpdump -w - | sensor replay -``."""
    with dhcp.open("rb") as file:
        result = process("-", "--events", "-", stdin=file)
    assert result.returncode == 0
    assert summary_of(records(result.stdout))["packets"] == 12


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_reports_what_was_found(environment: dict[str, str], dhcp: Path, number: signal.Signals) -> None:
    """While waiting for more of a growing file: summary and tables are printed, no traceback, exit code as of a shell
    (130).
    """
    command = [sys.executable, "-m", "sensor", "replay", "--follow", "--events", "-", str(dhcp)]
    with started(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        wait_until_idle(process)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    found = records((first + out).decode())
    assert process.returncode == 128 + number
    assert summary_of(found)["packets"] == 12
    assert found[-1]["action"] == "stopped"
    assert b"12 packets in" in err
    assert b"Traceback" not in err


@pytest.mark.parametrize("early", [True, False])
def test_an_interrupted_dataset_is_incomplete(
    replay: Runs, dhcp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, early: bool
) -> None:
    """Readers report that the end of the replay is missing, until it is repeated; an interrupt after the last packet
    loses nothing.
    """

    @contextlib.contextmanager
    def stopped(source: Any) -> Iterator[list[int]]:
        if early:
            source.stop()
        yield [signal.SIGINT]

    folder = tmp_path / "state" / "datasets" / "dhcp"
    with monkeypatch.context() as during:
        during.setattr(sensor.cli.replay, "stopping", stopped)
        assert replay(dhcp).returncode == 128 + signal.SIGINT
    assert (END_PART in dataset_in(folder).missing) == early
    assert replay(dhcp).returncode == 0
    assert END_PART not in dataset_in(folder).missing


@pytest.mark.parametrize("no_color", ["", "1"])
def test_on_a_terminal(environment: dict[str, str], root: Path, tmp_path: Path, no_color: str) -> None:
    """A progress bar that is removed at the end, and colours unless NO_COLOR is set. A pipe gets no progress."""
    import pty

    mine, theirs = pty.openpty()
    intel = root / "pcaps" / "office.intel.txt"
    command = [sys.executable, "-m", "sensor", "replay", str(root / "pcaps" / "office.pcapng"), "--intel", str(intel)]
    with started(command, env=environment | {"NO_COLOR": no_color}, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                part = os.read(mine, 65536)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            seen += part
    os.close(mine)
    assert process.returncode == 0
    assert b"reading" in seen
    assert b"packets in" in seen
    colours = re.findall(rb"\x1b\[(?:\d+;)*3[1-7]m", seen.split(b"reading")[-1])
    assert bool(colours) is not bool(no_color)


def test_an_inventory_that_lasts(capsys: pytest.CaptureFixture[str], tmp_path: Path, root: Path) -> None:
    """With --state, a second replay reports no new device, and `sensor devices` reads the inventory; the state: of a
    configuration alone continues none.
    """
    config = tmp_path / "sensor.yaml"
    config.write_text("state: kept\n")
    kept, counts = ("--state", str(tmp_path / "kept")), []
    for number, arguments in enumerate((kept, kept, ("--config", str(config)))):
        assert (
            main(
                [
                    "replay",
                    str(root / "pcaps" / "office.pcapng"),
                    "--events",
                    str(tmp_path / f"{number}.jsonl"),
                    *arguments,
                ]
            )
            == 0
        )
        counts.append((tmp_path / f"{number}.jsonl").read_text().count('"kind":"device"'))
    assert counts[0] == counts[2] > 10
    assert counts[1] == 0
    capsys.readouterr()
    assert main(["devices", "--state", str(tmp_path / "kept"), "type=printer"]) == 0
    assert "printer" in capsys.readouterr().out


def test_an_inventory_that_cannot_be_kept(capsys: pytest.CaptureFixture[str], tmp_path: Path, root: Path) -> None:
    """An unwritable inventory is reported before anything is read; exit code 3."""
    (tmp_path / "file").write_text("")
    assert (
        main(
            ["replay", str(root / "pcaps" / "office.pcapng"), "--events", os.devnull, "--state", str(tmp_path / "file")]
        )
        == 3
    )
    assert f" {tmp_path / 'file'}: " in capsys.readouterr().err


def test_an_invalid_configuration_costs_no_dataset(replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """An unreadable list is found after the dataset was created: the new one is removed, the former one is restored."""
    (tmp_path / "bad.txt").write_text("what is this\n")
    assert replay(dhcp, "--intel", tmp_path / "bad.txt").returncode == 2
    assert not list((tmp_path / "state" / "datasets").iterdir())
    replay(dhcp)
    first = (tmp_path / "state" / "datasets" / "dhcp" / "events.jsonl").read_bytes()
    assert replay(dhcp, "--intel", tmp_path / "bad.txt").returncode == 2
    assert (tmp_path / "state" / "datasets" / "dhcp" / "events.jsonl").read_bytes() == first


def test_datasets_side_by_side(replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """One for each capture, with a name if given; the configuration sets how many are kept; only the owner may read
    them.
    """
    copy = tmp_path / "other.pcap"
    copy.write_bytes(dhcp.read_bytes())
    config = tmp_path / "sensor.yaml"
    config.write_text("datasets: {replays: 2}\n")
    for arguments in ((dhcp,), (copy,), (dhcp, "--name", "before"), (copy, "--config", config)):
        assert replay(*arguments).returncode == 0
    folder = tmp_path / "state" / "datasets"
    assert sorted(path.name for path in folder.iterdir()) == ["before", "other"]
    modes = {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()}
    assert (modes, folder.stat().st_mode & 0o777) == ({0o600}, 0o700)
    result = replay(copy, "--name", "before")
    assert (result.returncode, str(dhcp) in result.stderr) == (2, True)
    assert [replay(dhcp, "--name", "x", "--events", "-").returncode, replay(dhcp, "--name", "../x").returncode] == [
        2,
        2,
    ]


@pytest.mark.parametrize("named", ["packets", "state/datasets/office/evidence"])
def test_a_dataset_knows_where_its_packets_are(replay: Runs, root: Path, tmp_path: Path, named: str) -> None:
    """In any folder, of which they are the only files that belong to the dataset; without the option in the dataset,
    as those of a live sensor.
    """
    capture, folder = root / "pcaps" / "office.pcapng", tmp_path / "state" / "datasets" / "office"
    assert replay(capture, "--evidence", tmp_path / named).returncode == 0
    dataset = dataset_in(folder)
    counts = counts_of(dataset)
    (tmp_path / named / "diary.txt").write_text("private")
    assert (dataset.evidence, dataset.missing) == (tmp_path / named, ())
    assert len(list(dataset.evidence.glob(PACKETS))) == counts.alerts
    assert counts_of(dataset) == counts
    assert replay(capture).returncode == 0
    dataset = dataset_in(folder)
    assert (dataset.evidence, dataset.missing) == (folder / "evidence", ())
    assert len(list(dataset.evidence.glob(PACKETS))) == counts.alerts


def test_what_is_no_capture(replay: Runs, tmp_path: Path) -> None:
    """One line with the reason; no figures of a replay that did not take place, and no dataset."""
    (tmp_path / "notes.pcap").write_text("notes")
    result = replay(tmp_path / "notes.pcap")
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (3, "", 1)
    assert not (tmp_path / "state").exists()


def test_packets_are_kept_in_the_same_cases_as_by_run(replay: Runs, root: Path, tmp_path: Path) -> None:
    """In the folder of --state too; not if the configuration disables them, nor beside a single event log."""
    capture, config = root / "pcaps" / "office.pcapng", tmp_path / "sensor.yaml"
    config.write_text("evidence: {enabled: false}\n")
    for name, options, kept in (
        ("a", ("--state", tmp_path / "a"), True),
        ("b", ("--state", tmp_path / "b", "--config", config), False),
        ("c", ("--events", tmp_path / "c.jsonl"), False),
    ):
        assert replay(capture, *options).returncode == 0
        assert bool(list(tmp_path.glob(f"{name}/evidence/{PACKETS}"))) == kept
    assert not list(tmp_path.glob("evidence"))


def test_the_configuration_of_a_live_sensor(
    replay: Runs, root: Path, dhcp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay with it changes nothing of that sensor: it is a dataset in the state folder."""
    monkeypatch.delenv("SENSOR_STATE")
    state, config = tmp_path / "kept", tmp_path / "sensor.yaml"
    assert replay(root / "pcaps" / "office.pcapng", "--state", state).returncode == 0
    write_card(state, Card(LIVE))
    config.write_text("state: kept\n")
    before = {path: path.read_bytes() for path in (state / "inventory.db", state / "events.jsonl")}
    assert replay(dhcp, "--config", config).returncode == 0
    assert {path: path.read_bytes() for path in before} == before
    assert counts_of(dataset_in(state / "datasets" / "dhcp")).devices == 6


def test_a_capture_without_packets_has_no_time(replay: Runs, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Its log begins at time 0, which is no time of the network."""
    capture = tmp_path / "empty.pcap"
    capture.write_bytes(pcap([]))
    assert replay(capture).returncode == 0
    assert main(["data"]) == 0
    assert "1970" not in (shown := capfd.readouterr().out)
    assert "time span unknown" in shown


def test_the_folder_of_a_live_sensor(replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """The log of a live sensor is never overwritten: the inventory learns from the capture, and the log of the replay
    is in its own dataset.
    """
    state = tmp_path / "live"
    state.mkdir()
    (state / "events.jsonl").write_bytes(replay(dhcp, "--events", "-").stdout.encode())
    kept = (state / "events.jsonl").read_bytes()
    assert replay(dhcp, "--state", state).returncode == 0
    assert (state / "events.jsonl").read_bytes() == kept
    assert (state / "datasets" / "dhcp" / "events.jsonl").exists()
    assert (state / "inventory.db").exists()
    assert [path.parent for path in state.rglob("evidence")] == [state / "datasets" / "dhcp"]


def test_a_folder_that_is_mistyped_is_not_made(replay: Runs, dhcp: Path, tmp_path: Path) -> None:
    """The missing folder of the named event log gives exit code 3, with the path."""
    result = replay(dhcp, "--events", tmp_path / "evnts" / "x.jsonl")
    assert (result.returncode, result.stdout, str(tmp_path / "evnts") in result.stderr) == (3, "", True)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_comes_last_is_reported(replay: Runs, tmp_path: Path) -> None:
    """A device without a type that was reported before its name was known is listed by its name, which is an event."""
    arp = bytes.fromhex("0001080006040002") + bytes.fromhex("0015655e53020a000001") * 2
    named = struct.pack("!6H", 0, 0x8400, 0, 1, 0, 0) + b"\7attic-7\5local\0" + struct.pack("!HHIH", 1, 1, 120, 4)
    frames = [
        ethernet(arp, 0x0806, src=0x0015655E5302),
        ethernet(ipv4(udp(named + arp[14:18], 5353, 5353), 17, "10.0.0.1", "224.0.0.251"), 0x0800, src=0x0015655E5302),
    ]
    capture = tmp_path / "named.pcap"
    capture.write_bytes(pcap(Frame((1_700_000_000 + 9 * n) * SECOND, frame) for n, frame in enumerate(frames)))
    assert "attic-7" in replay(capture).stdout
    log = records((tmp_path / "state" / "datasets" / "named" / "events.jsonl").read_text())
    changes = [one["changes"] for one in log if one["kind"] == "device" and one["action"] == "changed"]
    assert changes == [[{"field": "hostname", "new": "attic-7"}]]


def test_last_seen_and_confidence_are_those_at_the_end(replay: Runs, root: Path, tmp_path: Path) -> None:
    """Table and dataset have the time of the last packet and the confidence of all evidence, not those of the last
    change, which the log has.
    """
    found = map(json.loads, replay(root / "pcaps" / "office.pcapng", "--json").stdout.splitlines())
    devices = [one["device"] for one in found if one["kind"] == "device"]
    shown = {one["id"]: one["last_seen"] for one in devices}
    sure = {one["id"]: (one.get("confidence"), one.get("confidences")) for one in devices}
    folder = tmp_path / "state" / "datasets" / "office"
    with contextlib.closing(sqlite3.connect(folder / "inventory.db")) as base:
        bodies = {row[0]: json.loads(row[1]) for row in base.execute("SELECT id, body FROM devices")}
    kept = {name: body["last_seen"] for name, body in bodies.items()}
    log = map(json.loads, (folder / "events.jsonl").read_text().splitlines())
    logged = {one["device"]["id"]: one["device"]["last_seen"] for one in log if one["kind"] == "device"}
    assert shown == kept
    assert sure == {name: (body.get("confidence"), body.get("confidences")) for name, body in bodies.items()}
    assert sum(kept[name] > logged[name] for name in kept) > 20
