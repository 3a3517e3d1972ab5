"""The process log: for people, machines, and the journal; rate-limited, without secrets and control characters."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensor.cli._setup import complain
from sensor.core.secrecy import MASK, hide
from sensor.logs import logs
from sensor.logs.journal import VALUE_LIMIT, Journal, encoded, field_name
from sensor.logs.limit import EACH
from tests.golden import Golden

UGLY = "\x1b[31mred\x1b[0m\nnext"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logging as at the start of a process, and reset afterwards."""
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    logs.configure("console")
    yield
    logs.configure("console")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    """A real datagram socket in place of the journal's."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
        there.bind(str(tmp_path / "journal"))
        there.settimeout(10)
        yield there


def fields_of(datagram: bytes) -> dict[str, str]:
    """The fields of a message as the journal parses it."""
    found = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        name, sign, value = line.partition(b"=")
        if not sign:
            (size,) = struct.unpack_from("<Q", rest)
            value, rest = rest[8 : 8 + size], rest[8 + size + 1 :]
        found[name.decode()], datagram = value.decode(), rest
    return found


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """One line with time, level and fields; no colours unless it is a terminal."""
    logs.log().warning("it broke", unit="dns", count=3)
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[warning  \] \S.* +count=3 unit=dns\n", err)


def test_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    """One object per line; numbers stay numbers."""
    logs.configure("json")
    logs.log().error("it broke", unit="dns", count=3, line=None, lines=["a", "b"])
    reported = json.loads(capsys.readouterr().err)
    assert reported.pop("timestamp")
    assert reported == {
        "event": "it broke",
        "level": "error",
        "unit": "dns",
        "count": 3,
        "line": None,
        "lines": ["a", "b"],
    }


@pytest.mark.parametrize("form", logs.FORMATS)
def test_nothing_steers_a_terminal(capsys: pytest.CaptureFixture[str], form: str) -> None:
    """Texts of peers are one line without escape sequences, and of bounded length."""
    logs.configure(form)
    logs.log().warning(UGLY, error=UGLY, lines=[UGLY], long="x" * 100_000)
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert err.count("\n") == 1
    assert "next" in err
    assert len(err) < 10_000


@pytest.mark.parametrize("form", logs.FORMATS)
def test_secrets_are_masked(capsys: pytest.CaptureFixture[str], form: str) -> None:
    """Secrets are masked in the message, in fields and in lists, also where JSON would escape them."""
    hide('tok"en-ÄÖ-1234')
    logs.configure(form)
    logs.log().warning('refused: tok"en-ÄÖ-1234', error='tok"en-ÄÖ-1234', lines=['tok"en-ÄÖ-1234'])
    err = capsys.readouterr().err
    assert "1234" not in err
    assert (json.loads(err)["lines"] == [MASK]) if form == "json" else err.count(MASK) == 3


def test_levels(capsys: pytest.CaptureFixture[str]) -> None:
    """Messages below the level are not logged; a reload may change it."""
    logs.log().info("one")
    logs.log().debug("two")
    logs.configure("console", "error")
    logs.log().warning("three")
    logs.log().error("four")
    logs.configure("console", "debug")
    logs.log().debug("five")
    assert re.findall(r"\] (\w+)", capsys.readouterr().err) == ["one", "four", "five"]


def test_a_thousand_times_the_same(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A message is logged a few times, a minute later the number of suppressed ones; each unit has its own count."""
    now = [100.0]
    monkeypatch.setattr(logs.time, "monotonic", lambda: now[0])
    for _ in range(1000):
        logs.log().warning("it broke", unit="dns")
    logs.log().warning("it broke", unit="smb")
    logs.settle()
    assert capsys.readouterr().err.count("\n") == EACH + 1
    now[0] += 61
    logs.settle()
    assert re.search(rf"broke +left_out={1000 - EACH} unit=dns\n$", capsys.readouterr().err)
    logs.log().warning("it broke", unit="dns")
    assert capsys.readouterr().err.count("\n") == 1


def test_what_was_left_out_is_reported_at_the_end(root: Path) -> None:
    """The output of a real process that ends before its minute is over."""
    program = "from sensor.logs.logs import log\nfor _ in range(20): log().warning('it broke', unit='dns')"
    reported = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert f"left_out={20 - EACH}" in reported.stderr.splitlines()[-1]


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full", "2>&1 >/dev/null | true"])
def test_no_reader(root: Path, where: str) -> None:
    """With standard error closed, full or a broken pipe, work continues, and standard output stays empty."""
    program = (
        "import time; from sensor.logs.logs import log; log().error('one'); time.sleep(0.2); "
        "log().error('two'); open('/dev/fd/3', 'w').write('done')"
    )
    reported = subprocess.run(
        ["bash", "-c", f'{{ "$0" -c "$1" {where}; }} 3>&1', sys.executable, program],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert reported.stdout == "done"


def test_to_the_journal(
    golden: Golden,
    journal: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """If standard error is the journal's, the journal gets message, priority and fields by its own protocol, and
    standard error nothing.
    """
    there = os.fstat(sys.stderr.fileno())
    monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino}")
    monkeypatch.setattr(logs, "SOCKET", str(tmp_path / "journal"))
    logs.configure(None)
    logs.log().warning("it broke", unit="dns", count=3)
    golden(fields_of(journal.recv(65536)))
    assert capfd.readouterr().err == ""
    logs.configure("json")
    logs.log().info("by order")
    assert json.loads(capfd.readouterr().err)["event"] == "by order"


def test_a_journal_that_is_gone(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """If the journal is gone or full, the line goes to standard error, with its priority in front (sd-daemon(3)), which
    the journal reads as well.
    """
    there = os.fstat(sys.stderr.fileno())
    monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino}")
    monkeypatch.setattr(logs, "SOCKET", str(tmp_path / "journal"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(str(tmp_path / "journal"))
        logs.configure(None)
    logs.log().error("it broke")
    assert re.fullmatch(r"<3>\S+ \[error    \] it broke *\n", capfd.readouterr().err)
    (tmp_path / "journal").unlink()
    logs.configure(None)
    logs.log().error("still")
    assert re.fullmatch(r"\S+ \[error    \] still *\n", capfd.readouterr().err)


@pytest.mark.parametrize("stream", ["", "1:2", "nonsense", "::", "1"])
def test_standard_error_that_is_not_the_journals(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], stream: str
) -> None:
    """A program that was started manually within a service, or with redirected output, does not use the journal."""
    monkeypatch.setenv("JOURNAL_STREAM", stream)
    logs.configure(None)
    logs.log().error("here")
    assert "here" in capfd.readouterr().err


def test_fields_of_the_journal(journal: socket.socket, tmp_path: Path) -> None:
    """Names of capitals, digits and underscores; a multi-line value with its length; all of bounded length."""
    assert field_name("src.ip-1") == "SRC_IP_1"
    assert fields_of(encoded("A", "one\ntwo") + encoded("B", "x")) == {"A": "one\ntwo", "B": "x"}
    one = Journal(str(tmp_path / "journal"))
    one.send("m" * 100_000, "info", {"x" * 200: "y"})
    reported = fields_of(journal.recv(1 << 20))
    assert len(reported["MESSAGE"]) == VALUE_LIMIT
    assert max(map(len, reported)) == 64
    one.close()


@pytest.mark.parametrize("form", logs.FORMATS)
def test_complaints_of_commands(capsys: pytest.CaptureFixture[str], form: str) -> None:
    """Errors of commands are a line for people, or a log record for machines; without secrets either way."""
    hide("geheim-1234")
    logs.configure(form)
    complain("cannot open geheim-1234")
    err = capsys.readouterr().err
    if form == "json":
        reported = json.loads(err)
        assert (reported["event"], reported["level"]) == (f"cannot open {MASK}", "error")
    else:
        assert err == f"sensor: cannot open {MASK}\n"
