"""sensor devices set, tag, merge, split, undo, history: on an inventory no sensor has open, and in the next run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.faults import reports
from tests.golden import Golden
from tests.runtime.test_keeper import Run


@pytest.fixture
def invoke(run_cli, inventory: Path):
    """Runs an action on the inventory."""

    def run(*arguments: str):
        return run_cli("devices", *arguments, "--state", str(inventory), "--author", "anna")

    return run


def one(invoke, *filters: str) -> dict:
    (line,) = invoke(*filters, "--json").lines
    return json.loads(line)


def test_set_counts_at_once_and_in_the_next_run(invoke, inventory: Path) -> None:
    """A correction is shown as a correction, with the evidence of packets beside it."""
    result = invoke(
        "set", "10.0.0.9", "type=camera", "name=Lobby", "owner=facilities", "criticality=high", "--reason", "I looked"
    )
    assert result.code == 0
    assert result.out.endswith(": type=camera, name=Lobby, owner=facilities, criticality=high\n")
    device = one(invoke, "name=lobby")
    assert (device["type"], device["confidence"], device["owner"], device["criticality"], device["names"]) == (
        "camera",
        1.0,
        "facilities",
        "high",
        ["Lobby", "PRN"],
    )
    with Run(inventory) as run:
        assert run.story.who("00:17:c8:1a:2b:3c").type == "camera"
    assert invoke("set", "Lobby", "type=").out.endswith(": type as observed\n")
    assert one(invoke, "name=lobby")["type"] == "printer"


def test_explain_shows_the_word_and_what_stands_against_it(invoke, run_cli, inventory: Path) -> None:
    """Author, time and reason of a correction are shown; then every claim of packets, with the arithmetic."""
    invoke("set", "PRN", "type=nvr", "name=Lobby", "--reason", "I looked")
    text = run_cli("explain", "--state", str(inventory), "Lobby").out
    assert re.search(r"type: nvr 1\.00\n  .*operator.*\n    1\.00 operator: .*anna", text)
    assert ": I looked\n  printer: dhcp 0.80\n" in text
    assert "  camera: http 0.20\n" in text
    assert re.search(r"name: Lobby\n  .*operator\n", text)


def test_tags(invoke) -> None:
    """Tags are added, removed, and searched."""
    invoke("tag", "PRN", "east", "floor 3,rented")
    assert one(invoke, "tag=rented")["tags"] == ["east", "floor 3", "rented"]
    invoke("untag", "PRN", "rented")
    assert one(invoke, "tag=east")["tags"] == ["east", "floor 3"]
    invoke("untag", "PRN", "east", "floor 3")
    assert invoke("tag=east").out == "no devices match\n"


def test_show_is_the_explanation(run_cli) -> None:
    """`show` prints what `sensor explain` prints, with its exit codes; it takes one device."""
    assert run_cli("devices", "show", "dev-10").lines == run_cli("explain", "dev-10").lines
    assert run_cli("devices", "show", "zzz").code == 1
    assert run_cli("devices", "show").code == run_cli("devices", "show", "dev-10", "dev-11").code == 2


def test_merge_undo_and_history(golden: Golden, invoke, inventory: Path) -> None:
    """A merge takes effect in the next run; after undo both devices have their ids again."""
    old = one(invoke, "10.0.0.6")["id"]
    result = invoke("merge", "10.0.0.5", "10.0.0.6", "--reason", "a dock")
    golden(result.out)
    with Run(inventory):
        pass
    device = one(invoke, "10.0.0.6")
    assert (device["id"], device["ips"]) == (one(invoke, "10.0.0.5")["id"], ["10.0.0.5", "10.0.0.6"])
    history = invoke("history", old).out
    assert f"one with {old}" in history
    assert "merge mac:00:1c:7f:00:00:01  a dock  (by anna, done)" in history
    assert "had 10.0.0.6 until now" in history
    assert invoke("undo", "10.0.0.5").out == "undone: merge mac:00:1c:7f:00:00:01\n"
    with Run(inventory):
        pass
    assert one(invoke, "10.0.0.6")["id"] == old


def test_split(invoke, inventory: Path) -> None:
    """A MAC address of a merged device becomes a device again."""
    invoke("merge", "10.0.0.5", "10.0.0.6")
    with Run(inventory):
        pass
    assert invoke("split", "10.0.0.5", "001c.7f00.0001", "--reason", "no dock").code == 0
    with Run(inventory) as run:
        assert run.story.who("00:1c:7f:00:00:01").key == "mac:00:1c:7f:00:00:01"


@pytest.mark.parametrize(
    ("arguments", "code", "output"),
    [
        (("set", "PRN"), 2, ("usage.missing-argument",)),
        (("set", "PRN", "color=red"), 2, ("usage.invalid-value", "'color'")),
        (("set", "PRN", "type=toaster"), 2, ("usage.invalid-value", "'toaster'")),
        (("set", "PRN", "camera"), 2, ("usage.invalid-value", "'camera'")),
        (("set", "PRM", "type=tv"), 1, ("device.unknown", "'PRM'", "prn")),
        (("tag", "PRN"), 2, ("usage.missing-argument",)),
        (("merge", "PRN"), 2, ("usage.missing-argument",)),
        (("merge", "PRN", "10.0.0.9"), 2, ("device.unknown",)),
        (("split", "PRN", "10.0.0.77"), 1, ("device.unknown", "10.0.0.77")),
        (("undo", "PRN"), 1, ("device.not-undone", "PRN")),
        (("undo", "7"), 1, ("device.not-undone", "7")),
        (("undo",), 2, ("usage.missing-argument",)),
        (("history", "nobody"), 1, ("device.unknown", "'nobody'")),
    ],
)
def test_faults_are_reported(invoke, arguments: tuple[str, ...], code: int, output: tuple[str, ...]) -> None:
    """A fault is one line on standard error, with its exit code."""
    result = invoke(*arguments)
    assert result.code == code
    assert reports(result, *output), result.err
    assert result.out == ""


def test_a_log_alone_keeps_no_corrections(run_cli, log: Path) -> None:
    """Corrections are not stored without an inventory."""
    result = run_cli("devices", "set", "dev-10", "type=tv", "--events", str(log))
    assert (result.code, result.out[:20]) == (6, "inventory: unknown: ")
    assert [
        run_cli("devices", "set", "dev-10", "type=tv", "--state", str(path)).code
        for path in (log.parent, log.parent / "none")
    ] == [6, 3]
    assert run_cli("devices", "--state", str(log)).code == 3
