"""sensor rules."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.faults import reports
from tests.forked import run
from tests.golden import Golden

pytestmark = pytest.mark.usefixtures("queries_within")

BROKEN = """\
rules:
  - {id: broken, title: Broken, when: dns.qery}
  - {id: loud, title: A question, when: dns.query, summary: '{src} asked for {name}', severity: high, again: 7d}
"""


@pytest.fixture
def rules(run_cli, tmp_path: Path):
    """sensor rules with its own state folder."""
    return lambda *arguments: run_cli("rules", *arguments, "--state", str(tmp_path / "state"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "rules"
    path.mkdir(parents=True)
    return path


def numbers(result: Any) -> list[int]:
    """The numbers of the last line."""
    return [int(number) for number in re.findall(r"\d+", result.lines[-1])]


def test_from_nothing_to_a_tested_rule(rules, folder: Path) -> None:
    """The example is a valid file without changes."""
    assert rules().out.startswith("no rules: ")
    (folder / "ours.yaml").write_text(rules("example").out)
    assert numbers(rules("check")) == [4, 0]
    assert numbers(rules("test")) == [8, 4, 0]
    assert [line.split()[0] for line in rules("list").lines[1:]] == [
        "custom.printer_unknown_resolver", "custom.database_many_clients", "custom.dynamic_name_then_odd_port",
        "custom.camera_of_unapproved_vendor",
    ]  # fmt: skip
    assert {json.loads(line)["id"] for line in rules("list", "--json").lines} >= {"database_many_clients"}


def test_where_the_service_has_them(run_cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an option rules are read beside the system's configuration and in the state folder of the service."""
    for folder in ("etc", "var"):
        (tmp_path / folder / "rules").mkdir(parents=True)
        (tmp_path / folder / "rules" / "ours.yaml").write_text(
            run_cli("rules", "example").out.replace("- id: ", f"- id: {folder}_")
        )
    for folder, name in (("var", "inventory.db"), ("etc", "sensor.yaml")):
        (tmp_path / folder / name).touch()
    monkeypatch.setattr("sensor.config_file.SYSTEM", tmp_path / "etc" / "sensor.yaml")
    monkeypatch.setattr("sensor.eventlog.paths.SYSTEM", tmp_path / "var")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    for name in ("SENSOR_STATE", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    assert numbers(run_cli("rules", "check")) == [8, 0]


def test_a_test_that_fails(rules, folder: Path) -> None:
    """A failed test is reported with its place, the expected and the actual result."""
    text = rules("example").out.replace("dst: 198.51.100.53", "dst: 10.0.0.53", 1)
    (folder / "ours.yaml").write_text(text)
    result = rules("test")
    assert (result.code, numbers(result)) == (1, [8, 4, 1])
    line = text.splitlines().index("      - title: a public resolver") + 1
    assert f"ours.yaml:{line}:9: the test 'a public resolver'" in result.err
    assert "expected 1 alert, found 0" in result.err


def test_faults(golden: Golden, rules, folder: Path) -> None:
    """Faults are reported with their place and by the exit code; other rules are listed."""
    (folder / "a.yaml").write_text(BROKEN)
    result = rules("check")
    assert (result.code, numbers(result)) == (1, [1, 1])
    golden(result.err, "2:39")
    assert "custom.loud" in rules("list").out


def test_a_dry_run(rules, folder: Path, tmp_path: Path, root: Path) -> None:
    """Rules run on a capture without writing to the log; other detectors are off."""
    (tmp_path / "loud.yaml").write_text(
        BROKEN + "  - {id: device, title: A device, when: device.identified, summary: '{src} is there'}\n"
    )
    result = rules("try", str(tmp_path / "loud.yaml"), str(root / "pcaps" / "office.pcapng"))
    assert result.code == 0
    row = result.lines[1].split()
    assert row[0] == "custom.loud"
    assert int(row[1].replace(",", "")) >= int(row[2]) > 3
    assert {word for line in result.lines[4:-1] for word in line.split() if word.startswith("custom.")} == {
        "custom.loud",
        "custom.device",
    }
    found = [
        json.loads(line)
        for line in rules("try", str(tmp_path / "loud.yaml"), str(root / "pcaps" / "office.pcapng"), "--json").lines
    ]
    assert {one["alert"]["detector"] for one in found} == {"custom.loud", "custom.device"}
    result = rules("try", str(tmp_path / "loud.yaml"), str(tmp_path / "none.pcap"))
    assert (result.code, result.out) == (3, "")
    (tmp_path / "loud.yaml").write_text("rules: [{id: x}]\n")  # no table of a file without a valid rule
    result = rules("try", str(tmp_path / "loud.yaml"), str(root / "pcaps" / "office.pcapng"))
    assert (result.code, result.out, "config.missing-key" in result.errors) == (1, "", True)


EVERYTHING = """\
rules:
  - {id: asked, title: Asked, when: dns.query, by: [src, name], again: 1s}
  - {id: refused, title: Refused, when: flow.refused, by: [src, dst, dst.port], again: 1s}
  - {id: ended, title: Ended, when: flow.ended, by: [src, dst, dst.port], where: {src.bytes: {above: 2000}}, again: 1s}
  - {id: greeted, title: Greeted, when: tls.client_hello, by: [src, sni], again: 1s}
  - {id: leased, title: Leased, when: dhcp.request, by: mac, again: 1s}
"""


def test_a_backtest_finds_what_a_capture_shows(rules, run_cli, office: Path, tmp_path: Path, root: Path) -> None:
    """On the records of the office the same rules match as often, for the same pairs."""
    path = tmp_path / "everything.yaml"
    path.write_text(EVERYTHING)
    live = rules("try", str(path), str(root / "pcaps" / "office.pcapng"))
    counts = {row[0]: int(row[1]) for line in live.lines[1:6] if (row := line.split())}
    result = run_cli("rules", "try", str(path), "--backtest", "30d", "--json", "--state", str(office))
    found = [json.loads(line) for line in result.lines]
    assert (result.code, counts.keys()) == (0, {one["rule"] for one in found})
    for rule in ("custom.asked", "custom.refused", "custom.ended", "custom.greeted"):
        assert sum(one["times"] for one in found if one["rule"] == rule) == counts[rule]


def test_a_backtest_of_what_records_lack(run_cli, office: Path, tmp_path: Path) -> None:
    """The rule that needs more data is named, and the others get an answer."""
    path = tmp_path / "ours.yaml"
    path.write_text(EVERYTHING + "  - {id: odd, title: Announced, when: arp.announcement}\n")
    result = run_cli("rules", "try", str(path), "--backtest", "30d", "--state", str(office))
    assert result.code == 1
    assert reports(result, "rule.not-in-records")
    assert "custom.asked" in result.out
    assert run_cli("rules", "try", str(path), "--backtest", "soon", "--state", str(office)).code == 2


def test_a_replay_runs_them(folder: Path, tmp_path: Path, root: Path) -> None:
    """Valid rules run; the others are reported on the terminal and in the log. Rules beside the configuration are
    loaded too.
    """
    (folder / "a.yaml").write_text(BROKEN)
    config = tmp_path / "etc" / "sensor.yaml"
    (config.parent / "rules").mkdir(parents=True)
    config.write_text("networks: []\n")
    (config.parent / "rules" / "b.yaml").write_text(
        "rules:\n  - {id: other, title: Another, when: device.identified, again: 7d}\n"
    )
    log = tmp_path / "log"
    arguments = (
        "replay",
        root / "pcaps" / "office.pcapng",
        "--state",
        tmp_path / "state",
        "--events",
        log,
        "--config",
        config,
    )
    result = run([sys.executable, "-m", "sensor", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert "a.yaml:2:39" in result.stderr
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert {one["alert"]["detector"] for one in records if one["kind"] == "alert"} >= {"custom.loud", "custom.other"}
    [health] = [one for one in records if one["action"] == "health" and "left_out" in one["facts"]]
    assert "a.yaml:2:39" in health["msg"]


def test_rules_of_sigma(rules, folder: Path, tmp_path: Path) -> None:
    """Supported rules are converted to a valid file; the others are reported."""
    head = "logsource: {product: zeek, service: dns}\ndetection: {s: {%s: x.example}, condition: s}\nlevel: low\n"
    (tmp_path / "sigma.yml").write_text(
        "title: One name\n" + head % "query" + "---\ntitle: No such field\n" + head % "qurey"
    )
    result = rules("import-sigma", str(tmp_path / "sigma.yml"))
    assert result.code == 0
    assert reports(result, "rule.not-converted", "'qurey'"), result.err
    (folder / "sigma.yaml").write_text(result.out)
    assert numbers(rules("check")) == [1, 0]
    assert rules("import-sigma", str(folder / "sigma.yaml")).code == 1
    assert rules("import-sigma", str(tmp_path / "none.yml")).code == 3


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("look",), "usage.unknown-action"),
        (("try",), "usage.missing-argument"),
        (("fields", "dns.qery"), "rule.unknown-event"),
    ],
)
def test_what_makes_no_sense(golden: Golden, rules, arguments: tuple[str, ...], code: str) -> None:
    """Invalid input is reported."""
    result = rules(*arguments)
    assert (result.code, result.errors) == (2, (code,))
    golden(result.err)


def test_what_can_be_watched(rules) -> None:
    """Every kind of event has fields, and every field lists its operators."""
    kinds = [line.split()[0] for line in rules("fields").lines[1:]]
    assert {"dns.query", "flow.answered", "device.new", "smb.write"} <= set(kinds)
    result = rules("fields", *kinds)
    assert result.code == 0
    assert any(
        line.split() == ["name", "text", "is,", "not,", "contains,", "begins,", "ends,", "like,", "matches,", "present"]
        for line in result.lines
    )
