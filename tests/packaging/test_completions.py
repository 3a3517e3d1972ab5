"""Completion in real shells: the candidates at each position of a command line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sensor.cli.main import names


@pytest.fixture(scope="module")
def scripts(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one file per shell."""
    folder = tmp_path_factory.mktemp("completions")
    for shell in ("bash", "zsh", "fish"):
        with (folder / shell).open("w") as file:
            subprocess.run(
                [sys.executable, str(root / "packaging" / "completions.py"), shell],
                check=True,
                stdout=file,
                cwd=root,
                env={"PYTHONPATH": str(root)},
            )
    return folder


def offered(scripts: Path, *arguments: str, folder: Path | None = None) -> set[str]:
    """The candidates of bash for these words, the last of which is incomplete."""
    line = " ".join(f"'{word}'" for word in arguments)
    typed = f"COMP_WORDS=(sensor {line}); COMP_CWORD={len(arguments)}; _sensor sensor '{arguments[-1]}' x"
    requested = f"source {scripts / 'bash'}; {typed}; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    reported = subprocess.run(
        ["bash", "--norc", "-c", requested], capture_output=True, text=True, check=True, cwd=folder or scripts
    )
    assert reported.stderr == ""
    return set(reported.stdout.split("\n")) - {""}


def test_commands_first(scripts: Path) -> None:
    """The first word completes to all commands."""
    assert offered(scripts, "") == {*names(), "--help", "--version"}
    assert offered(scripts, "fo") == {"forward"}


def test_actions_and_options_of_a_command(scripts: Path) -> None:
    """Actions are candidates for the first word only."""
    assert {"check", "test", "status", "replay", "--since", "--json"} <= offered(scripts, "outputs", "")
    assert "check" not in offered(scripts, "outputs", "check", "")
    assert offered(scripts, "outputs", "--sin") == {"--since"}


def test_values_of_options(scripts: Path, tmp_path: Path) -> None:
    """Fixed values, files, or interfaces of this machine, depending on the option, and nothing for free text."""
    (tmp_path / "site.yaml").touch()
    assert offered(scripts, "run", "--log-format", "") >= {"console", "json"}
    assert offered(scripts, "run", "--config", "si", folder=tmp_path) == {"site.yaml"}
    assert "lo" in offered(scripts, "run", "-i", "")
    assert offered(scripts, "run", "--filter", "") == set()


def test_files_where_a_command_takes_them(scripts: Path, tmp_path: Path) -> None:
    """Files and options are candidates; an incomplete option is no file."""
    (tmp_path / "office.pcapng").touch()
    assert offered(scripts, "replay", "off", folder=tmp_path) == {"office.pcapng"}
    assert "office.pcapng" not in offered(scripts, "replay", "--", folder=tmp_path)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_can_read_it(scripts: Path, shell: str) -> None:
    """No help text breaks the quoting of a shell."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    reported = subprocess.run([shell, "-n", str(scripts / shell)], capture_output=True, text=True, check=False)
    assert (reported.returncode, reported.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_offers_the_same(scripts: Path) -> None:
    """Commands, actions and options are the same as in bash."""

    def requested(line: str) -> set[str]:
        reported = subprocess.run(
            ["fish", "--no-config", "-c", f"source {scripts / 'fish'}; complete -C '{line}'"],
            capture_output=True,
            text=True,
            check=True,
        )
        return {row.split("\t")[0] for row in reported.stdout.splitlines()}

    assert requested("sensor ") == set(names())
    assert {"list", "check", "test", "status", "replay"} <= requested("sensor outputs ")
    assert requested("sensor outputs --sin") == {"--since"}
    assert requested("sensor run --log-format ") >= {"console", "json"}
