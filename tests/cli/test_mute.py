"""sensor mute."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from sensor.alerts.mutes import load_mutes
from sensor.tables.lines import time_ns
from tests.cli.faults import reports
from tests.golden import Golden
from tests.perf.made_records import write_log


@pytest.fixture
def mute(run_cli, tmp_path: Path):
    """sensor mute with its own file."""
    return lambda *arguments: run_cli("mute", *arguments, "--mutes", str(tmp_path / "mutes.yaml"))


def test_add_list_remove(mute, tmp_path: Path) -> None:
    """Mutes are numbered, have author, reason and expiry, and are removed by id."""
    assert mute("list").out.startswith("no mutes in ")
    result = mute(
        "add",
        "--detector",
        "discovery.*",
        "--src",
        "10.0.0.9",
        "--for",
        "7d",
        "--reason",
        "our scanner",
        "--author",
        "anna",
    )
    assert (result.code, result.out.split()[0]) == (0, "m1")
    assert mute("add", "--all", "--type", "printer", "--port", "9100", "--for", "ever").out.split()[0] == "m2"
    first, second = load_mutes(tmp_path / "mutes.yaml")
    assert (first.author, first.reason, second.expires) == ("anna", "our scanner", "")
    assert (first.detector, first.src, second.type, second.port) == ("discovery.*", "10.0.0.9", "printer", 9100)
    assert first.expires > first.created
    assert [line.split()[0] for line in mute("list").lines] == ["MUTE", "m1", "m2"]
    assert mute("remove", "m1").code == 0
    assert [one.id for one in load_mutes(tmp_path / "mutes.yaml")] == ["m2"]
    assert mute("add", "--all", "--vlan", "3").out.startswith("m3 ")
    assert mute("add", "--detector", "custom.of_a_rule_to_come").code == mute("add", "--detector", "*_scan").code == 0


def test_the_file_that_the_service_heeds(run_cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mute is written to the file that the system's configuration names; an invalid file is reported, and nothing is
    written.
    """
    monkeypatch.setattr("sensor.config_file.SYSTEM", tmp_path / "sensor.yaml")
    (tmp_path / "sensor.yaml").write_text("alerts: {mutes: quiet.yaml}\n")
    assert run_cli("mute", "add", "--all", "--vlan", "3").code == 0
    assert [one.vlan for one in load_mutes(tmp_path / "quiet.yaml")] == [3]
    assert run_cli("mute", "list").lines[1].startswith("m1 ")
    assert run_cli("mute", "list", "--state", str(tmp_path)).out.startswith("no mutes in ")
    (tmp_path / "sensor.yaml").write_text("alerts: {mute: quiet.yaml}\n")
    result = run_cli("mute", "add", "--vlan", "4")
    assert result.code == 2
    assert reports(result, "config.unknown-key", "sensor.yaml:1:10", "'mute'"), result.err


@pytest.mark.parametrize(
    ("arguments", "code", "fault"),
    [
        (("add",), 2, ("usage.missing-argument", "--all")),
        (("add", "--vlan", "5"), 2, ("usage.missing-argument", "--all")),
        (("add", "--detector", "*", "--port", "22"), 2, ("usage.missing-argument", "--all")),
        (("add", "--all"), 2, ("usage.invalid-value",)),
        (("add", "--src", "10.0.0.300"), 2, ("usage.invalid-value", "--src", "'10.0.0.300'")),
        (("add", "--src", "10.0.0"), 2, ("usage.invalid-value", "--src", "'10.0.0'")),
        (("add", "--dst", "fe80::1::2"), 2, ("usage.invalid-value", "--dst", "'fe80::1::2'")),
        (("add", "--src", "10.0.0.0/33"), 2, ("usage.invalid-value", "--src")),
        (("add", "--all", "--vlan", "5000"), 2, ("usage.invalid-value", "--vlan")),
        (("add", "--all", "--type", "printr"), 2, ("usage.invalid-value", "'printer'")),
        (("add", "--all", "--vlan", "5", "--for", "long"), 2, ("usage.invalid-value",)),
        (("add", "--all", "--vlan", "5", "--for", "0d"), 2, ("usage.invalid-value",)),
        (("add", "--detector", "discovery.port_scn"), 2, ("mute.unknown-detector", "discovery.port_scan")),
        (("add", "--detector", "discovry.*"), 2, ("mute.unknown-detector", "--detector", "'discovry.*'")),
        (("add", "--all", "--vlan", "5", "--hours", "9-5"), 2, ("usage.invalid-value", "22:00-06:00")),
        (("remove",), 2, ("usage.missing-argument",)),
        (("remove", "m9"), 1, ("mute.unknown", "m9")),
    ],
)
def test_what_makes_no_sense(
    mute, tmp_path: Path, arguments: tuple[str, ...], code: int, fault: tuple[str, ...]
) -> None:
    """Invalid input is reported, and nothing is written."""
    result = mute(*arguments)
    assert result.code == code
    assert reports(result, *fault), result.err
    assert not (tmp_path / "mutes.yaml").exists()


def test_an_invalid_file(golden: Golden, mute, tmp_path: Path) -> None:
    """The fault is reported with its place; the file is not changed."""
    (tmp_path / "mutes.yaml").write_text("mutes:\n  - ip: 10.0.0.9\n")
    result = mute("add", "--vlan", "3")
    assert result.code == 2
    golden(result.err, "mutes.yaml:2:5")
    assert (tmp_path / "mutes.yaml").read_text() == "mutes:\n  - ip: 10.0.0.9\n"


def test_a_dry_run(mute, run_cli) -> None:
    """Alerts of a log that would be muted are listed: by the existing mutes, or by the one the options describe."""
    assert mute("test", "--detector", "discovery.*").lines[-1].startswith("1 of 2 ")
    mute("add", "--detector", "*.admin_share", "--for", "ever")
    mute("add", "--src", "10.0.0.9", "--for", "ever")
    every = [json.loads(line) for line in run_cli("alerts", "--json").lines]
    silent = sum(one.get("src", {}).get("ip") == "10.0.0.9" for one in every)
    assert mute("test", "m2").lines[-1].startswith(f"{silent} of 2 ")


def test_a_mute_is_backtested_before_it_is_added(mute, tmp_path: Path) -> None:
    """The matching alerts are listed and counted, and nothing is written; a time span ends at the newest alert; an
    invalid time span is rejected.
    """
    scans = ("add", "--detector", "discovery.*")
    backtested = mute(*scans, "--backtest", "30d")
    assert (backtested.code, backtested.lines[-1].startswith("1 of 2 ")) == (0, True)
    write_log(tmp_path / "long.jsonl", 200)
    ends = [time_ns(json.loads(line)["alert"]["last"]) for line in (tmp_path / "long.jsonl").read_bytes().splitlines()]
    late = sum(end >= max(ends) - 600_000_000_000 for end in ends)
    last = mute(*scans, "--backtest", "10m", "--events", str(tmp_path / "long.jsonl")).lines[-1]
    assert 0 < late < 200
    assert f" of {late} alerts " in last
    invalid = mute(*scans, "--backtest", "monthly")
    assert (invalid.code, invalid.errors) == (2, ("usage.invalid-value",))
    assert not (tmp_path / "mutes.yaml").exists()
    assert mute(*scans).out.startswith("m1 ")


def test_the_ready_command_of_an_alert_is_one(mute) -> None:
    """The mute command in an alert record works."""
    result = mute("add", "--detector", "discovery.port_scan", "--src", "10.0.0.9", "--dst", "10.0.0.5", "--for", "7d")
    assert result.code == 0


def test_mutes_hold_for_replays_too(golden: Golden, run_cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the scan of the office muted, a replay lists no such alert, each list names the mute, and the other alerts
    stay. Without the mute it is listed again.
    """
    root = Path(__file__).parents[2]
    office = str(root / "pcaps/office.pcapng"), "--intel", str(root / "pcaps/office.intel.txt"), "--data", "office"
    monkeypatch.setenv("SENSOR_STATE", str(tmp_path))
    replay = ("replay", *office[:3])

    def detectors() -> list[str]:
        return sorted(json.loads(line)["alert"]["detector"] for line in run_cli("alerts", "--json", *office[3:]).lines)

    assert run_cli(*replay).code == 0
    every = detectors()
    assert run_cli("mute", "add", "--detector", "discovery.port_scan", "--src", "10.20.10.106").code == 0
    muted = run_cli(*replay)
    assert muted.code == 0
    golden(muted.out, "suppressed")
    assert detectors() == [one for one in every if one != "discovery.port_scan"]
    golden(run_cli("alerts", *office[3:]).lines[-1])
    assert len(run_cli("alerts", "muted", "--json", *office[3:]).lines) == 1
    assert run_cli("mute", "remove", "m1").code == 0
    assert "suppressed" not in run_cli(*replay).out
    assert detectors() == every


def test_a_log_without_permission(mute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the file that cannot be read, and not that of the mutes."""
    log = tmp_path / "events.jsonl"
    write_log(log, 3)
    assert mute("add", "--all", "--vlan", "3").code == 0

    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(log))

    monkeypatch.setattr("sensor.views.mutes.silenced", refused)
    result = mute("list", "--events", str(log))
    assert (result.code, result.errors) == (3, ("file.not-read",))
    assert str(log) in result.err
