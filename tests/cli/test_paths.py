"""sensor paths: on the office capture with the defender's settings, and on constructed logs."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import TIMES, Result, device, record
from tests.golden import Golden

PCAPS = Path(__file__).parents[2] / "pcaps"
CAMERA, NAS = "10.20.10.62", "10.20.10.5"


@pytest.fixture
def paths(run_cli, office: Path) -> Callable[..., Result]:
    """sensor paths on the office."""
    return lambda *arguments: run_cli(
        "paths", *arguments, "--state", str(office), "--events", str(office / "events.jsonl")
    )


@pytest.fixture
def logged(run_cli, tmp_path: Path) -> Callable[..., Result]:
    """sensor paths on a log of these records."""

    def run(records: list[Any], *arguments: str) -> Result:
        path = tmp_path / "made.jsonl"
        path.write_text("".join(f"{json.dumps(one)}\n" for one in records), encoding="utf-8")
        return run_cli("paths", *arguments, "--events", str(path))

    return run


def bodies(result: Result, kind: str) -> list[dict[str, Any]]:
    assert result.code == 0, result.err
    return [one for one in map(json.loads, result.lines) if one["kind"] == kind]


# The office.


def test_the_office(golden: Golden, paths) -> None:
    """The camera that opened a share is closest to the file server; the entry point from the internet is the other
    camera, which contacts a listed address.
    """
    result = paths()
    assert result.code == 0
    golden(result.lines[0])
    assert f"cost 2: 10.20.10.61 (axis-accc8e4f710a, camera) → {NAS} (fs01, NAS)" in result.lines
    at = result.lines.index(f"cost 17: internet → {NAS} (fs01, NAS)")
    assert result.lines[at + 1] == "  internet"
    assert result.lines[at + 2].startswith(f"  └─ {CAMERA} (DS-2CD")
    assert result.lines[at + 2].endswith("  +1")
    golden(result.lines[at + 3], "203.0.113.66")
    assert result.lines[at + 5] == f"     └─ {NAS} (fs01, NAS)  +16"
    assert "(assumed, not observed)" in result.lines[at + 6]
    golden(result.lines, "10.20.10.101")
    assert "  └─ 10.20.20.5 (server)  +25" in result.lines


def test_what_breaks_most_comes_with_a_command_that_works(paths, run_cli, office: Path) -> None:
    """Each printed `sensor firewall suggest` command makes a rule."""
    result = paths()
    commands = [line.split()[1:] for line in result.lines if line.strip().startswith("sensor firewall suggest")]
    assert any("--allow" in command for command in commands)
    for command in commands:
        assert (
            run_cli(
                *command, "--format", "nftables", "--state", str(office), "--events", str(office / "events.jsonl")
            ).code
            == 0
        )
    first, *_ = bodies(paths("--json"), "break")
    assert first["commands"]
    assert 0 < first["broken"] <= first["pairs"]


def test_from_one_device_to_another(paths) -> None:
    """Devices are given by address, name or id; the best paths differ in their first step."""
    (path,) = bodies(paths("--from", CAMERA, "--to", "FS01", "--json"), "path")
    assert [hop["to_text"] for hop in path["hops"]] == [f"{NAS} (fs01, NAS)"]
    assert path["others"][0]["hops"][0]["to_text"] == "10.20.10.61 (axis-accc8e4f710a, camera)"
    (summary,) = bodies(paths("--from", path["sources"][0], "--to", path["goal"], "--json"), "summary")
    assert (summary["pairs"], summary["chosen"]) == (1, "as requested")
    assert [path["sources"] for path in bodies(paths("--from", "internet", "--json"), "path")] == [["outside"]]


def test_a_graph_for_graphviz(paths) -> None:
    """The output is accepted by Graphviz, if installed; assumed steps are dashed."""
    result = paths("--dot")
    assert result.lines[0] == "digraph paths {"
    assert result.lines[-1] == "}"
    assert any("style=dashed" in line for line in result.lines)
    if shutil.which("dot"):
        assert (
            "<svg"
            in subprocess.run(["dot", "-Tsvg"], input=result.out, capture_output=True, text=True, check=True).stdout
        )


# Logs.


def attack(message: str) -> dict[str, Any]:
    about = {
        "id": "alert-abc123",
        "detector": "lateral_movement.remote_service",
        "title": "x",
        "key": "k",
        "count": 1,
        **TIMES,
    }
    ends = {"src": {"ip": "10.0.0.1", "device": "dev-1"}, "dst": {"ip": "10.0.0.2", "device": "dev-2", "port": 445}}
    return record("alert", "open", message, "high", alert=about, network={"proto": "tcp", "app": "smb"}, **ends)


def test_nothing_that_a_peer_calls_itself_reaches_a_terminal_or_a_graph_as_an_order(logged) -> None:
    """Control characters are removed, quotes and backslashes of the graph are escaped."""
    evil = '\x1b[2J"];x [label="\\'
    records = [device(1, "camera", hostname=evil), device(2, "server", hostname='\n"}'), attack("\x1b[31mred")]
    result = logged(records)
    assert result.code == 0
    assert "\x1b" not in result.out
    assert "cost 2: 10.0.0.1 (" in result.out
    dot = logged(records, "--dot").out
    assert "\x1b" not in dot
    assert len([line for line in dot.splitlines() if "->" in line]) == 1
    assert [line.replace("\\\\", "").replace('\\"', "").count('"') % 2 for line in dot.splitlines()] == [0] * len(
        dot.splitlines()
    )


def test_without_a_baseline_it_reports_so(golden: Golden, logged) -> None:
    result = logged([device(1, "camera"), device(2, "server"), attack("seen")])
    golden(result.lines, "inventory")


def test_no_goal_and_no_path_are_reported(golden: Golden, logged) -> None:
    result = logged([device(1, "camera")])
    golden(result.lines[0])
    golden(logged([device(1, "camera"), device(2, "server")]).lines[-1])


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["--from", "nobody"], 1, "device.unknown"),
        (["--to", "outside"], 1, "device.unknown"),
        (["--to", "twin"], 1, "device.unknown"),
    ],
)
def test_what_makes_no_sense_is_reported_in_one_line(
    golden: Golden, logged, arguments: list[str], code: int, error: str
) -> None:
    result = logged([device(1, "camera", hostname="twin"), device(2, "server", hostname="twin")], *arguments)
    assert (result.code, result.out, result.errors) == (code, "", (error,))
    golden(result.err)


def test_nothing_to_read_is_another_code(run_cli, tmp_path: Path) -> None:
    assert run_cli("paths", "--events", str(tmp_path / "none.jsonl")).code == 3
