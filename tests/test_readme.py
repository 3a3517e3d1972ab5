"""README: its examples work unchanged."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from sensor.cli.main import _parsed, parser
from sensor.config_values import values

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
CONFIGURATIONS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
BLOCKS = [block.splitlines() for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)]
COMMANDS = [
    arguments
    for block in (*BLOCKS, re.findall(r"`(sensor [^`]+)`", TEXT))
    for line in block
    for part in line.split(" | ")
    if (arguments := shlex.split(part, comments=True))
    and "sensor" in arguments[:2]
    and arguments[0] in ("sensor", "sudo")
]


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_a_configuration_can_be_loaded(text: str, tmp_path: Path) -> None:
    path = tmp_path / "sensor.yaml"
    path.write_text(text, encoding="utf-8")
    assert values(path, everything=False)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_is_understood(arguments: list[str]) -> None:
    arguments = arguments[arguments.index("sensor") + 1 :]
    assert _parsed(parser(arguments[:1]), arguments).main


def test_there_is_something_to_try() -> None:
    assert len(CONFIGURATIONS) >= 2
    assert len(COMMANDS) >= 6
