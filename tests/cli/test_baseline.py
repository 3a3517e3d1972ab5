"""sensor baseline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.faults import reports
from tests.golden import Golden
from tests.runtime.test_keeper import LAPTOP, PRINTER, learned


@pytest.fixture
def baseline(run_cli, tmp_path: Path):
    """sensor baseline on what a run learned about a laptop and a printer."""
    learned(tmp_path / "state")
    return lambda *arguments: run_cli("baseline", *arguments, "--state", str(tmp_path / "state"))


def test_what_was_learned_is_listed_with_its_maturity(golden: Golden, baseline) -> None:
    """All entries, or those that filters select, are listed as a table and as JSON."""
    result = baseline("list", "type=printer")
    assert result.lines[0].split() == [
        "DEVICE",
        "TYPE",
        "NAME",
        "ADDRESS",
        "MATURITY",
        "OBSERVED",
        "ACTIVE",
        "SERVES",
        "USES",
        "LAST",
    ]
    assert result.lines[1].split()[1:6] == ["printer", "-", "10.0.0.9", "1", "%"]
    golden(result.lines[-1])
    golden(baseline("--hours", "1").lines[-1])
    rows = [json.loads(line) for line in baseline("--json").lines]
    assert sorted((row["serves"], row["uses"], row["maturity"]) for row in rows) == [(0, 2, 0.014), (2, 0, 0.014)]


def test_one_device_is_shown(baseline) -> None:
    """Services it serves and uses are shown with peers, start and frequency; a device without baseline is reported."""
    result = baseline("show", LAPTOP)
    assert [line.split()[:2] for line in result.lines[-2:]] == [["uses", "ssh/22"], ["uses", "smb/445"]]
    assert "10.0.0.9" in result.lines[-1]
    assert baseline("show", PRINTER).lines[-1].split()[:4] == ["serves", "smb/445", "1", "client"]
    assert json.loads(baseline("show", LAPTOP, "--json").out)["segments"] == ["::/64"]


def test_rules_are_reported_listed_and_taken_back(baseline) -> None:
    """Rules have author and reason, and apply to a device, an address or all devices."""
    assert (
        " → * tcp/22: applied within a second"
        in baseline("allow", LAPTOP, "*", "ssh/22", "--reason", "the jump host", "--author", "anna").out
    )
    assert baseline("forbid", "10.9.9.9", PRINTER, "9100").code == 0
    rows = [json.loads(line) for line in baseline("rules", "--json").lines]
    assert [(row["rule"], row["server"][:1], row["service"], row["author"]) for row in rows[:1]] == [
        ("allow", "*", "ssh/22", "anna")
    ]
    assert (rows[1]["client"], rows[1]["service"], rows[0]["reason"]) == ("10.9.9.9", "jetdirect/9100", "the jump host")
    assert baseline("show", PRINTER).lines[-1].split()[1] == "forbid"
    assert baseline("undo", rows[0]["number"]).out.startswith("undone: allow dev-")
    assert len(baseline("rules").lines) == 2
    assert baseline("undo", rows[0]["number"]).code == 1


def test_what_is_to_be_forgotten_is_shown_no_more(baseline) -> None:
    """A device, then everything, is removed from the baseline."""
    assert baseline("forget", LAPTOP).code == 0
    assert baseline("list").lines[-1].startswith("1 device, ")
    assert "no baseline yet" in baseline("show", LAPTOP).out
    assert baseline("forget", "--all").code == 0
    assert baseline("list").lines[-1].startswith("0 devices")


@pytest.mark.parametrize(
    ("arguments", "code", "fault"),
    [
        (("forgett",), 2, ("usage.unknown-action", "'forget'")),
        (("forget",), 2, ("usage.missing-argument",)),
        (("forget", LAPTOP, "--all"), 2, ("usage.missing-argument",)),
        (("forget", LAPTOP, "x"), 2, ("usage.invalid-value", "tcp/22")),
        (("forget", "10.9.9.9"), 1, ("device.unknown", "'10.9.9.9'")),
        (("show",), 2, ("usage.missing-argument",)),
        (("allow", LAPTOP, PRINTER), 2, ("usage.missing-argument",)),
        (("allow", LAPTOP, "nobody", "22"), 1, ("device.unknown", "'nobody'")),
        (("allow", LAPTOP, PRINTER, "http"), 2, ("usage.invalid-value", "tcp/22")),
        (("undo", "x"), 2, ("usage.missing-argument",)),
        (("list", "typ=printer"), 2, ("usage.unknown-filter", "type")),
    ],
)
def test_what_makes_no_sense(baseline, arguments: tuple[str, ...], code: int, fault: tuple[str, ...]) -> None:
    """Invalid input is reported in one line, and nothing is written."""
    result = baseline(*arguments)
    assert (result.code, len(result.err.splitlines())) == (code, 1)
    assert reports(result, *fault), result.err
    assert baseline("rules").out == "no rules\n"


def test_without_an_inventory(run_cli, tmp_path: Path) -> None:
    """Without an inventory the folder that was searched is reported."""
    result = run_cli("baseline", "--state", str(tmp_path / "none"))
    assert result.code == 3
    assert f"no data in {tmp_path / 'none'}" in result.err
