"""The command as a whole: finding commands, wrong words, and ending in good order."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import sensor
from sensor.cli.main import main, names


def test_every_command_is_there() -> None:
    """Found by scanning the folder."""
    assert {"alerts", "devices", "explain", "interfaces", "replay", "run", "tail", "version"} <= set(names())


@pytest.mark.parametrize(("words", "hint"), [(["relpay"], "did you mean replay?"), (["xyzzy", "-v"], "there are alerts, backup, baseline, config")])
def test_an_unknown_command(capsys: pytest.CaptureFixture[str], words: list[str], hint: str) -> None:
    """One line with the nearest one; exit code 2."""
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"sensor: no command {words[0]!r}")
    assert hint in told.err
    assert told.err.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["--nonsense"], ["replay"], ["replay", "--nonsense", "x"], ["tail", "--severity", "loud"]])
def test_wrong_usage(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    """Said on standard error; exit code 2."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "usage: sensor" in told.err


def test_version_as_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    """As people expect it of any program."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"sensor {sensor.__version__}\n"


def test_only_the_chosen_command_is_loaded() -> None:
    """The others cost nothing."""
    code = "import sys; from sensor.cli.main import main; main(['version']); print([name for name in sys.modules if name.startswith('sensor.cli.')])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = told.stdout.splitlines()[-1]
    assert "sensor.cli.version" in loaded
    assert "sensor.cli.replay" not in loaded


@pytest.mark.parametrize("words", [["--help"], ["replay", "--help"], ["version"]])
def test_whoever_has_read_enough_ends_it_quietly(words: list[str]) -> None:
    """A closed pipe is no error worth a word."""
    reading, writing = os.pipe()
    os.close(reading)
    told = subprocess.run([sys.executable, "-m", "sensor", *words], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (told.returncode, told.stderr) == (0, "")


def test_options_may_stand_between_words(tell) -> None:
    """Before, between and after; what is no option is told all the same."""
    ways = [("type=camera", "vendor=Axis", "--json"), ("--json", "type=camera", "vendor=Axis"), ("type=camera", "--json", "vendor=Axis")]
    told = [tell("devices", *words) for words in ways]
    assert [(one.code, len(one.lines)) for one in told] == [(0, 1)] * 3
    told = tell("devices", "type=camera", "--jsn", "vendor=Axis")
    assert (told.code, told.err.splitlines()[-1]) == (2, "sensor: error: unrecognized arguments: --jsn vendor=Axis")
    assert tell("version", "x").code == 2
