"""Tables on terminals of 80 and 120 columns, with --wide, and in a pipe; and times in local time zones."""

from __future__ import annotations

import ast
import fcntl
import io
import os
import pty
import re
import struct
import termios
from pathlib import Path

import pytest

from sensor.cli import _table
from sensor.cli._table import for_terminal
from sensor.cli._times import span_text
from sensor.config import load_config
from sensor.config_file import zone_of
from sensor.documents import DocumentErrors
from tests.datasets._folders import write_log
from tests.golden import Golden

ADDRESSES = ["10.20.30.141", "2001:db8:1234:5678:9abc:def0:1234:5678", "fe80::1"]
NAME = "DS-2CD2143G0-I20190814AAWRD53310771"
ROWS = [
    ["voip_phone", "Grandstream", "GXP2170", NAME, address, "ac:cc:8e:4f:71:0a", "0.99",
    "2026-11-24T08:17:01Z"] for address in ADDRESSES
]  # fmt: skip
COLUMNS = ("type", "vendor", "model", "name", "address", "MAC", "confidence", "last seen")
ALERTS = ("severity", "time", "alert", "detector", "actor → target", "count", "summary")
ALERT = [
    "critical", "2026-11-24T08:17:01Z", "alert-t42g35", "command_and_control.malicious_address", (
        f"10.20.10.62 ({NAME}) → 203.0.113.66 "
        "+46"
    ), "3",
    f"camera {NAME} (10.20.10.62) contacted 203.0.113.66, which the list office.intel names",
]  # fmt: skip


class Terminal:
    """Replaces a terminal of a given width."""

    def __init__(self, width: int) -> None:
        self._here, self._there = pty.openpty()
        fcntl.ioctl(self._there, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._there

    def close(self) -> None:
        os.close(self._here)
        os.close(self._there)


def test_columns_with_a_rule_of_their_own_exist() -> None:
    """No rule is left of a column that was renamed."""
    cells = {
        cell.value
        for path in Path(_table.__file__).parent.glob("*.py")
        if path.name != "_table.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Tuple | ast.List)
        for cell in node.elts
        if isinstance(cell, ast.Constant)
    }
    named = [*_table.FLEXIBLE, *_table.TIMES, *_table.OPTIONAL, *_table.SENTENCES, *_table.RIGHT]
    assert [name for name in named if name not in cells] == []


@pytest.fixture(autouse=True)
def _fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The result does not depend on an earlier command that showed all columns."""
    monkeypatch.setattr(_table, "_WIDE", [False])


def drawn(width: int, columns: tuple[str, ...], rows: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal(width)
    try:
        text = _table.table(columns, rows, terminal)  # type: ignore[arg-type]
    finally:
        terminal.close()
    return re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_devices_fit(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is longer than the terminal; no IP or MAC address is broken; only whole columns are omitted."""
    lines = drawn(width, COLUMNS, ROWS, monkeypatch)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert all(address in text for address in ADDRESSES)
    assert text.count("ac:cc:8e:4f:71:0a") in (0, 3)
    assert all(name in lines[1] for name in ("type", "name", "address"))


@pytest.mark.parametrize("width", [80, 120, 200])
def test_alerts_fit(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The columns id and summary of an alert are always shown."""
    lines = drawn(width, ALERTS, [ALERT], monkeypatch)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "alert-t42g35" in text
    assert re.search(r"(?<![\d.])203\.0\.113\.66(?![\d.])", text)
    assert ("detector" in lines[1]) == (width == 200)


TICKETS = ("priority", "severity", "due", "ticket", "devices", "title")
TICKET = ["P3", "critical", "2026-12-01", "ticket-kxf22k", "1", "Update Aruba 515 from 8.10.0.6 to the latest version"]
HUNTS = ("hunt", "techniques", "title")
HUNT = [
    "fixed_function_public_names",
    "T1071.001, T1102.002, T1568",
    "Certificate reuse: the same certificate on several",
]


@pytest.mark.parametrize(("columns", "row"), [(TICKETS, TICKET), (HUNTS, HUNT), (ALERTS, ALERT)])
def test_no_part_of_a_cell_is_cut_off(
    columns: tuple[str, ...], row: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cells are wrapped, and where the columns do not fit, each is on a line of its own; columns are omitted whole."""
    for width in range(40, 160):
        lines = drawn(width, columns, [row], monkeypatch)
        assert max(map(len, lines)) <= width
        start = max(0, lines[1].find(columns[-1])) if columns[0] in lines[1] else 0
        assert row[-1].replace(" ", "") in "".join(line[start:] for line in lines).replace(" ", "")


def test_all_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --wide each row is one line, however narrow the terminal is."""
    monkeypatch.setattr(_table, "_WIDE", [True])
    lines = drawn(80, ALERTS, [ALERT], monkeypatch)
    assert all(name in lines[1] for name in ALERTS)
    assert any(all(cell in line for cell in ("alert-t42g35", ALERT[3], ALERT[4], ALERT[6])) for line in lines)


def test_a_pipe_has_all_columns(run_cli) -> None:
    """A pipe has all columns with or without --wide: scripts read columns by position."""
    assert run_cli("devices").lines == run_cli("devices", "--wide").lines


def test_local_times(golden: Golden, run_cli, tmp_path: Path) -> None:
    """The first line has local time beside UTC; rows have the offset, so that the zones are not confused. The next
    command uses UTC again.
    """
    log = write_log(tmp_path / "own" / "events.jsonl", begin="08:00", end="08:20")
    result = run_cli("tail", "--tz", "Asia/Kolkata", "--events", str(log))
    assert "\n2026-11-24T13:30:00+05:30 " in f"\n{result.out}"
    golden(result.head + result.out, "2026-11-24")
    assert run_cli("tail", "--events", str(log)).lines[0].split()[0] == "2026-11-24T08:00:00Z"


def test_the_zone_of_the_environment(run_cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """--tz takes precedence over the environment."""
    monkeypatch.setenv("SENSOR_TZ", "Europe/Berlin")
    assert "T10:14:07+01:00" in run_cli("tail").out
    assert "T09:14:07Z" in run_cli("tail", "--tz", "UTC").out
    for arguments in (["--tz", "Europe/Berln"], ["--tz", "../etc/passwd"], ["--tz", "Europe"]):
        result = run_cli("tail", *arguments)
        assert (result.code, result.out, result.err.startswith("sensor: --tz: found ")) == (2, "", True)


def test_the_zone_of_the_configuration(run_cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The zone of the system's configuration, its last layer; the environment takes precedence, and an unknown zone is
    a configuration error.
    """
    system = tmp_path / "etc" / "sensor.yaml"
    monkeypatch.setattr("sensor.config_file.SYSTEM", system)
    (system.parent / "conf.d").mkdir(parents=True)
    system.write_text("sensor:\n  id: hq\n  # timezone: Asia/Tokyo\ntimezone: Asia/Kolkata\n", encoding="utf-8")
    assert "T14:44:07+05:30" in run_cli("tail").out
    (system.parent / "conf.d" / "zone.yaml").write_text('timezone: "Europe/Berlin"\n', encoding="utf-8")
    assert "T10:14:07+01:00" in run_cli("tail").out
    assert load_config(system).timezone == "Europe/Berlin"
    monkeypatch.setenv("SENSOR_TZ", "UTC")
    assert "T09:14:07Z" in run_cli("tail").out
    monkeypatch.delenv("SENSOR_TZ")
    system.with_name("conf.d").joinpath("zone.yaml").write_text("timezone: Mars/Olympus\n", encoding="utf-8")
    result = run_cli("tail")
    assert (result.code, result.out, "Mars/Olympus" in result.err, str(system) in result.err) == (2, "", True, True)
    with pytest.raises(DocumentErrors):
        load_config(system)


def test_spans() -> None:
    """Spans are whole minutes that contain all of it; both days if they differ; an invalid time is unknown."""
    assert span_text("2026-11-24T08:00:01.5Z", "2026-11-24T08:19:34Z") == "2026-11-24 08:00 to 08:20 UTC"
    assert span_text("2026-11-24T08:00:32Z", "2026-11-24T08:00:45Z") == "2026-11-24 08:00 to 08:01 UTC"
    assert span_text("2026-11-24T23:00:00Z", "2026-11-25T01:00:00Z") == "2026-11-24 23:00 to 2026-11-25 01:00 UTC"
    assert span_text("soon", "") == "time span unknown"
    assert zone_of("") is zone_of("UTC") is None
    assert zone_of("local") is not None


def test_lines_beside_tables_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The counts below a table and the lines of an explanation are as wide as the terminal, unwrapped in a pipe and
    with --wide; colours have no width.
    """

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    line = "  " + ", ".join(f"{number} devices of type {number}" for number in range(20))
    painted = f"\033[1m{'x' * 78}\033[0m"
    dimmed = for_terminal(f"\033[2m      {'why it is so ' * 8}\033[0m", Terminal()).split("\n")
    assert [len(one) - len(one.lstrip()) for one in dimmed[1:]] == [8]
    result = for_terminal(f"{line}\n{painted}", Terminal()).split("\n")
    assert max(map(len, result[:-1])) <= 80
    assert all(one.startswith("    ") for one in result[1:-1])
    assert result[-1] == painted
    assert " ".join(" ".join(result[:-1]).split()) == line.strip()
    assert for_terminal(line, io.StringIO()) == line
    monkeypatch.setattr(_table, "_WIDE", [True])
    assert for_terminal(line, Terminal()) == line
