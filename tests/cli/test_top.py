"""sensor top: in a pipe, and in a real terminal that changes its size."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sensor.cli._top_view import drawn
from tests.cli.faults import reports
from tests.cli.served import Server, serve, status_now

ALTERNATE, NORMAL, SHOWN = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sensor.sock"


@pytest.fixture
def running(path: Path) -> Iterator[Server]:
    server = serve(path, status_now())
    yield server
    server.close()


def test_once(run_cli, running: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe gets one report of what happened between two polls, in plain text."""
    naps: list[float] = []
    monkeypatch.setattr(time, "sleep", naps.append)
    monkeypatch.setattr("sensor.telemetry.served.FRESH_S", 0.0)
    result = run_cli("top", "--interval", "2")
    assert (result.code, result.err) == (0, "")
    assert naps == [2.0]
    assert "\x1b" not in result.out
    lines = [line.split() for line in result.lines]
    rates = dict(zip(*[line for line in lines if line[:1] in (["packets/s"], ["100"])], strict=True))
    assert (rates["packets/s"], rates["ring"], rates["lost/s"]) == ("100", "25%", "0")
    assert ["eth1", "0", "60", "7"] in lines
    assert ["09:14:07", "high", "alert-abc123", "evil", "scans"] in lines
    assert any(line[:2] == ["chat", "`sensor"] for line in lines)


def test_so_often(run_cli, running: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of updates is an option."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    assert run_cli("top", "-n", "3").out.count("packets/s  bit/s") == 3


def test_a_sensor_that_began_again() -> None:
    """Counters that decreased after a restart give no negative rates, and no rates without new data of the engine."""
    before, after = status_now(uptime_s=100.0), status_now(uptime_s=1.0)
    assert re.search(r"^ +0 +0 +0 ", drawn(before, after, time.time()), re.MULTILINE)
    assert re.search(r"^ +0 +0 +0 ", drawn(before, before, time.time()), re.MULTILINE)


@pytest.mark.parametrize(
    "value",
    [None, [], {}, "x\x1b[2J\n", [None, {"ts": 5, "msg": "\x1b[2J"}], {"a": {"packets": "\x1b"}}, {"[bold]x": 5}],
)
def test_nonsense_from_the_socket(value: Any) -> None:
    """No value can control the terminal or is read as markup."""
    status = status_now()
    for name in status:
        text = drawn(status, status | {name: value}, time.time())
        assert "\x1b" not in text
    assert "[bold]x" in drawn(status, status | {"interfaces": {"[bold]x": {}}}, time.time())


@pytest.mark.parametrize(
    ("arguments", "code", "output"),
    [
        ((), 1, ("sensor.not-running",)),
        (("--interval", "0.1"), 2, ("usage.invalid-value", "--interval", "0.1", "-n", "0.5", "3600")),
        (("--interval", "nan"), 2, ("usage.invalid-value", "--interval")),
        (("-n", "-1"), 2, ("usage.invalid-value", "-n", "-1")),
    ],
)
def test_what_cannot_be(run_cli, arguments: tuple[str, ...], code: int, output: tuple[str, ...]) -> None:
    """Invalid usage is one line, and the screen is not changed."""
    result = run_cli("top", *arguments)
    assert (result.code, result.out) == (code, "")
    assert reports(result, *output), result.err
    assert result.err.count("\n") == 1


class Terminal:
    """A pseudo-terminal that runs the command. ``seen``: all output."""

    def __init__(self, *arguments: str) -> None:
        self.file, inside = pty.openpty()
        self.seen = b""
        self.size(40, 120)
        # setsid(1) makes it the controlling terminal for Ctrl-C. Variables with another terminal size, as test
        # runners set them, are removed.
        environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")} | {
            "TERM": "xterm-256color"
        }
        command = ["setsid", "--ctty", sys.executable, "-m", "sensor", "top", *arguments]
        self.process = subprocess.Popen(command, stdin=inside, stdout=inside, stderr=inside, env=environment)
        os.close(inside)

    def size(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, holds: Callable[[bytes], bool]) -> None:
        """Reads until the condition holds for the output since then."""
        end, fresh = time.monotonic() + 60, b""
        while not holds(fresh):
            assert time.monotonic() < end, fresh
            if select.select([self.file], [], [], 0.1)[0]:
                try:
                    fresh += os.read(self.file, 65536)
                except OSError:  # the other end is closed
                    break
        self.seen += fresh

    def end(self) -> int:
        """The rest of the output, and the exit code."""
        self.until(lambda _: False)
        os.close(self.file)
        return self.process.wait(60)


def width(screen: bytes) -> int:
    """Length of the longest line of a complete screen; 0 for an incomplete one."""
    plain = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", screen).decode(errors="replace")
    return max(map(len, plain.splitlines())) if "packets/s" in plain and "alert-abc123" in plain else 0


@pytest.mark.slow
def test_in_a_terminal(running: Server, path: Path) -> None:
    """The command uses the alternate screen and redraws in the current size of the terminal; Ctrl-C restores the screen
    and is not an error.
    """
    terminal = Terminal("--socket", str(path), "--interval", "0.5")
    terminal.until(lambda fresh: fresh.count(b"packets/s") >= 2 and b"alert-abc123" in fresh)
    assert ALTERNATE in terminal.seen
    terminal.size(24, 60)
    terminal.until(lambda fresh: any(0 < width(screen) <= 60 for screen in fresh.split(b"\x1b[H")[1:-1]))
    os.write(terminal.file, b"\x03")
    assert terminal.end() == 0
    assert terminal.seen.rindex(NORMAL) > terminal.seen.rindex(ALTERNATE)
    assert SHOWN in terminal.seen[terminal.seen.rindex(b"\x1b[H") :]
    assert b"Traceback" not in terminal.seen


@pytest.mark.slow
def test_a_sensor_that_goes_away(path: Path) -> None:
    """The screen is restored first, then the error is reported; exit code 1."""
    server = serve(path, status_now())
    terminal = Terminal("--socket", str(path), "--interval", "0.5")
    terminal.until(lambda fresh: b"alert-abc123" in fresh)
    server.close()
    assert terminal.end() == 1
    assert b"sensor: no sensor is running: no answer at " in terminal.seen[terminal.seen.rindex(NORMAL) :]
