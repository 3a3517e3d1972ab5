"""sensor tail over a log in segments: the last records, time spans, filters by endpoint, and following; and the
system's tail on the same log.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import pytest

from sensor.cli._tail_filter import moment
from tests.cli.conftest import HEAD
from tests.eventlog.segmented import Segmented, line
from tests.golden import Golden
from tests.processes import wait_until_idle
from tests.waiting import until

PROGRAM = [sys.executable, "-c", "import sys; from sensor.cli.main import main; sys.exit(main())", "tail"]


@pytest.fixture
def events(tmp_path: Path) -> Segmented:
    return Segmented(tmp_path / "events.jsonl")


def numbers(text: str) -> list[int]:
    return [json.loads(one)["sensor"]["seq"] for one in text.splitlines()]


def test_the_last_records(run_cli, events: Segmented) -> None:
    """The given number of records that pass the filters, in order, across segments; none for 0."""
    events.add(20)
    events.add(3, kind="sensor")
    events.rotate()
    events.add(20)
    events.compress(0)
    events.rotate()
    events.add(2)
    path = str(events.log)
    assert numbers(run_cli("tail", "--json", "-n", "4", path).out) == [42, 43, 44, 45]
    assert numbers(run_cli("tail", "--json", "-n", "2", "--kind", "sensor", path).out) == [22, 23]
    assert numbers(run_cli("tail", "--json", "-n", "99", path).out) == list(range(1, 46))
    assert run_cli("tail", "-n", "0", path).out == ""
    assert len(run_cli("tail", path).lines) == 45


def test_the_last_records_of_a_line_without_end(run_cli, events: Segmented) -> None:
    """A complete last line without a line end counts as a record."""
    events.append(line(1) + line(2) + line(3)[:-1])
    assert numbers(run_cli("tail", "--json", "-n", "2", str(events.log)).out) == [2, 3]


def test_the_last_of_a_large_log_are_there_at_once(run_cli, events: Segmented) -> None:
    """60 MB are not read to print ten records."""
    events.append(b"".join(line(number, text="x" * 6000) for number in range(1, 10_001)))
    begun = time.process_time()
    assert numbers(run_cli("tail", "--json", "-n", "10", str(events.log)).out) == list(range(9991, 10_001))
    assert time.process_time() - begun < 0.2


def test_the_last_records_of_a_pipe(run_cli, events: Segmented, tmp_path: Path) -> None:
    """A pipe can only be read forward."""
    events.add(20)
    done = subprocess.run(
        [*PROGRAM, "--json", "-n", "3", "-"], input=events.current.read_bytes(), capture_output=True, check=True
    )
    assert numbers(done.stdout.decode()) == [18, 19, 20]


def test_since(run_cli, events: Segmented) -> None:
    """--since takes an ISO 8601 time; with -n the last records since then are printed."""
    for _ in range(3):
        events.add(100)
        events.rotate()
    path = str(events.log)
    assert numbers(run_cli("tail", "--json", "--since", "2026-11-24T09:03:30", path).out) == list(range(210, 301))
    assert numbers(run_cli("tail", "--json", "--since", "2026-11-24T11:03:30+02:00", "-n", "2", path).out) == [299, 300]
    assert run_cli("tail", "--since", "2026-11-25", path).out == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", "2026-11-24T08:58:30.000000Z"), ("99999w", "0110-05-20T09:00:00.000000Z"),
        ("1h", "2026-11-24T08:00:00.000000Z"), ("2d", "2026-11-22T09:00:00.000000Z"),
        ("2026-11-24", "2026-11-24T00:00:00.000000Z"), ("2026-11-24T09:00", "2026-11-24T09:00:00.000000Z"),
        ("2026-11-24T09:00+01:00", "2026-11-24T08:00:00.000000Z"),
        ("2026-11-24T09:00:01.5Z", "2026-11-24T09:00:01.500000Z"),
    ],
)  # fmt: skip
def test_times(text: str, expected: str) -> None:
    """Time spans count back from now; times are UTC unless they have an offset."""
    assert moment(text, datetime(2026, 11, 24, 9, tzinfo=UTC)) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "1y", "-1h", "24:00", "0001-01-01T00:00+05:00"])
def test_no_times(golden: Golden, text: str) -> None:
    """An invalid time is reported with valid examples."""
    with pytest.raises(ArgumentTypeError) as raised:
        moment(text)
    golden(str(raised.value))


@pytest.mark.parametrize(
    "arguments",
    [
        ["-n", "x"],
        ["-n", "-1"],
        ["--since", "soon"],
        ["--vlan", "red"],
        ["--vlan", "-5"],
        ["--vlan", "4095"],
        ["--kind", "alarm"],
    ],
)
def test_invalid_usage(run_cli, arguments: list[str]) -> None:
    """Invalid usage gives exit code 2, and the argument is named."""
    result = run_cli("tail", *arguments)
    assert result.code == 2
    assert arguments[0] in result.err


PRINTER: dict[str, Any] = {
    "ip": "10.20.30.41",
    "mac": "00:17:c8:1a:2b:3c",
    "device": "dev-1",
    "hostname": "PRN-3F-EAST",
}
LINES = (
    line(
        1,
        device={
            "id": "dev-1",
            "macs": ["00:17:c8:1a:2b:3c"],
            "ips": ["10.20.30.41"],
            "hostname": "PRN-3F-EAST",
            "vlan": 30,
        },
    ),
    line(
        2,
        "alert",
        src=PRINTER,
        dst={"ip": "10.20.1.5"},
        targets=[{"ip": "10.20.1.5"}, {"ip": "2001:db8::7"}],
        network={"vlan": 30},
    ),
    line(3, "alert", src={"ip": "10.20.1.5"}, dst=PRINTER, network={"vlan": 31}),
    line(4, "alert", src="odd", dst=7, targets={"ip": []}, device=[], network="x"),
)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--src", "10.20.30.41"], [2]), (["--src", "prn-3f-east"], [2]), (["--src", "10.20.1.0/24"], [3]),
        (["--dst", "2001:DB8::7"], [2]),
        (["--dst", "2001:db8::/32"], [2]), (["--dst", "00:17:C8:1A:2B:3C"], [3]), (["--device", "dev-1"], [1, 2, 3]),
        (["--device", "10.20.30.0/24"], [1, 2, 3]),
        (["--device", "10.20.1.5"], [2, 3]), (["--vlan", "30"], [1, 2]),
        (["--vlan", "31", "--src", "10.20.1.5"], [3]), (["--src", "10.0.0.1"], []),
    ],
)  # fmt: skip
def test_filters_by_ends(run_cli, events: Segmented, arguments: list[str], expected: list[int]) -> None:
    """Filters are address, network, name, MAC or id of a device; an external log with other types is no error."""
    events.append(b"".join(LINES))
    assert numbers(run_cli("tail", "--json", *arguments, str(events.log)).out) == expected


class Lines:
    """The numbers that a running program prints, collected as they appear."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process, self.seen = process, list[int]()
        assert process.stdout is not None
        self.out = process.stdout
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        for one in self.out:
            self.seen.append(json.loads(one)["sensor"]["seq"])

    def wait_for(self, expected: list[int]) -> None:
        until(lambda: len(self.seen) >= len(expected))
        assert self.seen == expected


@contextmanager
def running(arguments: list[str], stdin: IO[bytes] | None = None) -> Iterator[Lines]:
    with subprocess.Popen(arguments, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        lines = Lines(process)
        try:
            yield lines
        finally:
            process.kill()
            lines.thread.join(60)


def test_following_over_rotation(events: Segmented) -> None:
    """The last ten records, then new ones: each once, across segments that are closed and compressed. Ctrl-C stops it
    silently.
    """
    events.add(30)
    with running([*PROGRAM, "-f", "--json", str(events.log)]) as lines:
        expected = list(range(21, 31))
        lines.wait_for(expected)
        for place in range(3):
            events.add(40)
            events.rotate()
            events.add(1)
            events.compress(place)
        lines.wait_for([*expected, *range(31, events.last + 1)])
        lines.process.send_signal(signal.SIGINT)
        assert lines.process.wait(60) == 130
        assert lines.process.stderr is not None
        assert HEAD.fullmatch(lines.process.stderr.read().decode())


def test_following_a_log_that_is_not_there_yet(tmp_path: Path) -> None:
    """All new records are printed, from the first on."""
    with running([*PROGRAM, "-f", "--json", str(tmp_path / "events.jsonl")]) as lines:
        wait_until_idle(lines.process)
        events = Segmented(tmp_path / "events.jsonl")
        events.add(25)
        lines.wait_for(list(range(1, 26)))


@pytest.mark.skipif(not shutil.which("tail"), reason="no tail here")
def test_the_tail_of_the_system_follows(events: Segmented) -> None:
    """GNU ``tail -F`` follows the link to each new segment: no line is lost or repeated if segments live longer than
    its polling interval.
    """
    with running(["tail", "-n", "+1", "-s", "0.1", "-F", str(events.log)]) as lines:
        for _ in range(3):
            events.add(20)
            lines.wait_for(list(range(1, events.last + 1)))
            events.rotate()
        events.add(5)
        lines.wait_for(list(range(1, events.last + 1)))


@pytest.mark.skipif(not shutil.which("tail") or not shutil.which("jq"), reason="no tail or no jq here")
def test_the_tail_of_the_system_into_jq(events: Segmented) -> None:
    """The documented command works."""
    tail = subprocess.Popen(
        ["tail", "-n", "+1", "-s", "0.1", "-F", str(events.log)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with tail, running(["jq", "-c", "--unbuffered", "."], stdin=tail.stdout) as lines:
        try:
            events.add(20)
            lines.wait_for(list(range(1, 21)))
            events.rotate()
            events.add(5)
            lines.wait_for(list(range(1, 26)))
        finally:
            tail.kill()
