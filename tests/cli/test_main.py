"""The command as a whole: finding commands, invalid usage, and orderly exit."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sensor
from sensor.cli.main import main, names
from tests.forked import run
from tests.golden import Golden

OFFICE = str(Path(__file__).parents[2] / "pcaps" / "office.pcapng")
# The user and the group `nobody`.
UNTRUSTED = 65534
# The longest text that a mute accepts.
LONG = "x" * 256


def test_every_command_is_there() -> None:
    """All modules of the folder are commands."""
    assert {"alerts", "devices", "explain", "interfaces", "replay", "run", "tail", "version"} <= set(names())


def test_help_imports_nothing_heavy() -> None:
    """Help starts quickly: large libraries are imported only by the commands that need them."""
    heavy = "{'http.client', 'inspect', 'numpy', 'pydantic', 'rich', 'ssl', 'yaml'}"
    program = (
        "import sys; before = set(sys.modules); from sensor.cli.main import parser; parser(); "
        f"print({heavy} & set(sys.modules) - before)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


@pytest.mark.parametrize(("arguments", "hint"), [(["relpay"], "`sensor replay`"), (["xyzzy", "-v"], "`sensor --help`")])
def test_an_unknown_command(capsys: pytest.CaptureFixture[str], arguments: list[str], hint: str) -> None:
    """An unknown command is reported in one line with the nearest one; exit code 2."""
    assert main(arguments) == 2
    result = capsys.readouterr()
    assert result.out == ""
    assert result.err.startswith(f"sensor: no command {arguments[0]!r}")
    assert hint in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["replay"], ["replay", "--nonsense", "x"], ["tail", "--severity", "loud"]])
def test_invalid_usage(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Invalid usage is reported in one line on standard error, with the command that shows what is valid; exit code 2.
    Without arguments all commands are listed.
    """
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    result = capsys.readouterr()
    assert result.out == ""
    assert re.search(r"`sensor( \w+)? --help` [^`]+ \[usage\.[a-z-]+\]\n$", result.err)
    assert (result.err.count("\n") == 1) == (arguments[:1] in (["replay"], ["tail"]))


@pytest.mark.parametrize("option", ["--nonsense", "--data", "-i", "--nothing=\x1b[2J"])
def test_an_option_in_place_of_the_command(capsys: pytest.CaptureFixture[str], option: str) -> None:
    """Options follow the command; the message is one line without control characters."""
    assert main([option, "devices"]) == 2
    result = capsys.readouterr()
    assert (result.out, result.err.count("\n"), "\x1b" in result.err) == ("", 1, False)
    assert result.err.endswith("[usage.missing-argument]\n")


@pytest.mark.parametrize(
    "arguments", [["devices", "--json", "--csv"], ["devices", "--csv", "--summary"], ["paths", "--json", "--dot"]]
)
def test_one_form_of_output(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Of two forms none is silently preferred."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith("[usage.conflicting-options]\n")


def test_values_are_reported_like_other_faults(capsys: pytest.CaptureFixture[str], golden: Golden) -> None:
    """Where, what was found, what was expected: the same words in every version of Python."""
    for words in ("tail --severity loud", "alerts -n few", "profiles mend", "alerts --since once"):
        with pytest.raises(SystemExit):
            main(words.split())
        golden(capsys.readouterr().err)


def test_without_a_command_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, with the commands to begin with; it remains wrong usage."""
    with pytest.raises(SystemExit) as stop:
        main([])
    out, err = capsys.readouterr()
    assert (stop.value.code, out) == (2, "")
    assert all(f"\n  {name} " in err for name in names())
    assert "start here:" in err
    assert err.endswith("[usage.missing-argument]\n")


def test_version_as_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    """--version works as in other programs."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"sensor {sensor.__version__}\n"


def test_only_the_chosen_command_is_loaded() -> None:
    """Other commands are not imported."""
    code = (
        "import sys; from sensor.cli.main import main; main(['version']); print([name for name in "
        "sys.modules if name.startswith('sensor.cli.')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = result.stdout.splitlines()[-1]
    assert "sensor.cli.version" in loaded
    assert "sensor.cli.replay" not in loaded


@pytest.mark.parametrize("arguments", [["--help"], ["replay", "--help"], ["version"]])
def test_whoever_has_read_enough_ends_it_quietly(arguments: list[str]) -> None:
    """A closed pipe is not an error."""
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        [sys.executable, "-m", "sensor", *arguments], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("command", ["replay", "devices", "alerts", "tail"])
def test_no_room_for_what_is_reported(golden: Golden, log: Path, command: str) -> None:
    """A full standard output is one line and exit code 3, as for any file that cannot be written."""
    arguments = (
        ["replay", OFFICE, "--events", str(log.with_name("new.jsonl"))]
        if command == "replay"
        else [command, "--events", str(log)]
    )
    with Path("/dev/full").open("w") as full:
        result = run(
            [sys.executable, "-m", "sensor", *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert result.returncode == 3
    golden(result.stderr)


@pytest.mark.parametrize(
    "arguments",
    [
        ["mute", "add", "--vlan", "3", "--src", LONG, "--dst", LONG, "--reason", LONG, "--author", LONG],
        ["intel", "add", "bad.txt"],
        ["config", "init", "--yes", "state/sensor.yaml"],
    ],
)
def test_a_file_that_finds_no_room(tmp_path: Path, arguments: list[str]) -> None:
    """A full disk is one line, exit code 3, and no incomplete file is left."""
    (tmp_path / "bad.txt").write_text("".join(f"203.0.113.{number}\n" for number in range(256)))
    result = subprocess.run(
        ["sh", "-c", 'ulimit -f 1 && exec "$@"', "sh", sys.executable, "-m", "sensor", *arguments],
        cwd=tmp_path, env={**os.environ, "SENSOR_STATE": str(tmp_path / "state"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (3, "", 1)
    assert re.match(r"sensor: cannot write \S+:", result.stderr)
    assert [path.name for path in (tmp_path / "state").rglob("*") if path.is_file()] == []


POSIX = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(
    ("environment", "encoding", "shown"),
    [
        ({"PYTHONIOENCODING": "latin-1"}, "latin-1", "·"),
        ({"PYTHONIOENCODING": "ascii"}, "ascii", "\\xb7"),
        (POSIX, "ascii", "\\xb7"),
        ({"PYTHONIOENCODING": "utf-8"}, "utf-8", "·"),
    ],
)
def test_the_encoding_of_a_locale(log: Path, environment: dict[str, str], encoding: str, shown: str) -> None:
    """Characters that it lacks are escaped; the rest is unchanged."""
    environment = os.environ | environment
    command = [sys.executable, "-m", "sensor", "alerts", "--events", str(log)]
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert f"{log.name} {shown} log {shown}" in done.stdout.decode(encoding)
    assert ("→" if encoding == "utf-8" else "\\u2192") in done.stdout.decode(encoding)


def test_started_with_closed_streams(tmp_path: Path) -> None:
    """A scheduler may close the standard streams: messages for users do not end up in the log."""
    log = tmp_path / "events.jsonl"
    arguments = [sys.executable, "-m", "sensor", "replay", OFFICE, "--events", str(log)]
    assert subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *arguments], check=False).returncode == 0
    assert all(
        json.loads(line)["sensor"]["seq"] == number for number, line in enumerate(log.read_text().splitlines(), 1)
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["devices"],
        ["devices", "set", "10.0.0.7", "type=camera"],
        ["alerts"],
        ["mute", "add", "--type", "printer"],
        ["intel", "list"],
    ],
)
def test_a_state_that_we_may_not_look_into(tmp_path: Path, arguments: list[str]) -> None:
    """An unreadable state folder is one line, exit code 4. Root runs without its capability to read everything."""
    state = tmp_path / "state"
    state.mkdir()
    (state / "events.jsonl").touch()
    before = []
    if os.geteuid() == 0:
        os.chown(state, UNTRUSTED, UNTRUSTED)
        before = [
            "setpriv",
            "--bounding-set=-dac_override,-dac_read_search",
            "--inh-caps=-dac_override,-dac_read_search",
        ]
    state.chmod(0o700 if before else 0)
    ran = subprocess.run(
        [*before, sys.executable, "-m", "sensor", *arguments],
        env={**os.environ, "SENSOR_STATE": str(state)},
        capture_output=True,
        text=True,
        check=False,
    )
    state.chmod(0o700)
    assert (ran.returncode, ran.stdout) == (4, "")
    assert re.fullmatch(
        (
            rf"sensor: [a-z ]+ {state}/\S+: [a-z ]+ "
            r"\[permission\.denied\]\n"
        ),
        ran.stderr,
    )


def test_options_may_stand_between_arguments(golden: Golden, run_cli) -> None:
    """Options may be before, between and after arguments; an unknown option is still reported."""
    ways = [
        ("type=camera", "vendor=Axis", "--json"),
        ("--json", "type=camera", "vendor=Axis"),
        ("type=camera", "--json", "vendor=Axis"),
    ]
    result = [run_cli("devices", *arguments) for arguments in ways]
    assert [(one.code, len(one.lines)) for one in result] == [(0, 1)] * 3
    result = run_cli("devices", "type=camera", "--jsn", "vendor=Axis")
    assert result.code == 2
    golden(result.err.splitlines()[-1])
    assert run_cli("version", "x").code == 2
