"""The container file: without an engine it is checked that copied files and called commands exist."""

from __future__ import annotations

import configparser
import json
from pathlib import Path

import pytest

from sensor.cli.main import parser


@pytest.fixture
def lines(root: Path) -> list[str]:
    """Its instructions, continued lines joined."""
    text = (root / "packaging" / "Containerfile").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_what_is_copied_is_there_and_is_all_that_is_built(root: Path, lines: list[str]) -> None:
    """It copies every package folder of setup.cfg, and the files that setup.cfg reads."""
    copied = {
        word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    }
    assert [name for name in copied if not (root / name).exists()] == []
    config = configparser.ConfigParser()
    config.read(root / "setup.cfg")
    mapped = {line.partition("=")[2].strip() for line in config["options"]["package_dir"].strip().splitlines()}
    assert copied >= {"sensor", "setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE", *mapped}


def test_what_is_called_exists(lines: list[str]) -> None:
    """Its command is a command of the sensor."""
    arguments = next(json.loads(line.partition(" ")[2]) for line in lines if line.startswith("CMD "))
    args = parser().parse_args(arguments)
    assert (args.command, str(args.config)) == ("run", "/etc/sensor/sensor.yaml")
