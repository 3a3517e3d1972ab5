"""Options that all commands share, and the small commands."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sensor
import sensor.detectors
import sensor.dissectors
from sensor.core.detector import Detector
from sensor.core.dissector import Dissector
from sensor.registry import units
from tests.datasets._folders import write_inventory, write_log

READING = (
    "tail",
    "devices",
    "alerts",
    "baseline",
    "profiles",
    "explain",
    "fingerprints",
    "interfaces",
    "report",
    "tickets",
    "version",
)


@pytest.mark.parametrize("name", READING)
def test_help_of_a_command(run_cli, name: str) -> None:
    """The help of a command has its purpose, options and examples; every command has a line in the list."""
    result = run_cli(name, "--help")
    assert result.code == 0
    assert f"sensor {name}" in result.out.split("examples:")[1]
    module = importlib.import_module(f"sensor.cli.{name}")
    assert str(module.__doc__).splitlines()[0].rstrip(".") in " ".join(run_cli("--help").out.split())


def test_help_is_quick() -> None:
    """No large library is imported before a command is chosen: help starts as quickly as Python and argparse."""
    heavy = (
        "numpy msgspec rich pydantic yaml structlog dpkt sensor.core.record_parts sensor.core.flow "
        "sensor.posture.site sensor.engine"
    ).split()
    code = (
        f"import sys; from sensor.cli.main import parser; parser(); print([name for name in {heavy!r} "
        "if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_version(run_cli) -> None:
    """The versions of sensor, Python and libraries, the platform and the number of units are shown."""
    facts = json.loads(run_cli("version", "--json").out)
    assert facts["sensor"] == sensor.__version__
    assert facts["units"]["dissectors"] == len(units(sensor.dissectors, Dissector))  # without the code that they share
    assert facts["units"]["detectors"] == len(units(sensor.detectors, Detector))
    assert "msgspec" in facts["libraries"]
    assert run_cli("version").lines[0] == f"sensor     {sensor.__version__}"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names and addresses are read from the Linux kernel")
def test_interfaces(run_cli) -> None:
    """The loopback interface is listed in the table and as JSON."""
    result = run_cli("interfaces")
    assert result.lines[0].split() == ["NAME", "STATE", "LINK", "TYPE", "MAC", "MTU", "SPEED", "ADDRESSES"]
    assert any(line.startswith("lo ") for line in result.lines[1:])
    assert "lo" in [json.loads(line)["name"] for line in run_cli("interfaces", "--json").lines]


@pytest.mark.parametrize("command", ["devices", "alerts", "status"])
def test_lists_need_no_large_library(command: str, tmp_path: Path) -> None:
    """The list of an office takes a quarter of a second; numpy and pydantic would take more than half."""
    state = tmp_path / "state"
    write_inventory(state)
    write_log(state / "events.jsonl")
    program = (
        f"import sys; from sensor.cli.main import main; main(['{command}', '--state', {str(state)!r}]); "
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SENSOR_STATE": str(state)},
    )
    assert done.stdout
    assert {"numpy", "pydantic", "yaml", "rich"}.isdisjoint(done.stderr.split())
