"""Output for users fits a terminal of 80 and of 120 columns: tables, trees, and the lines beside them."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.forked import started

pytestmark = pytest.mark.usefixtures("queries_within")

CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COMMANDS = (
    "overview", "devices", "alerts", "vulns", "paths", "posture", "tickets", "records", "data show",
    "explain 10.20.10.62", "explain 203.0.113.66", "search 10.20.10.62",
)  # fmt: skip


def printed(command: list[str], width: int) -> tuple[int, list[str]]:
    """Exit code and standard output of a program on a terminal of a given width."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    with started(command, stdin=there, stdout=there, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(there)
        text = b""
        while chunk := _read(here):
            text += chunk
    os.close(here)
    return process.returncode, CODES.sub("", text.decode().replace("\r\n", "\n")).splitlines()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # the program has ended
        return b""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_line_fits(command: str, office: Path) -> None:
    """No line is longer than the terminal, except one that names a file."""
    program = [sys.executable, "-m", "sensor", *command.split(), "--state", str(office)]
    for width in (80, 120):
        code, lines = printed(program, width)
        assert code == 0
        assert len(lines) > 3
        assert [line for line in lines if len(line) > width and str(office) not in line] == []
