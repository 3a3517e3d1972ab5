"""The whole path of an event with the real parts: the process that writes events, `sensor forward`, servers; the kills;
and the final account.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

from sensor.delivery.batch import URGENT
from sensor.delivery.status import Status, load_status
from sensor.eventlog.cursors import cursor
from sensor.eventlog.log_cursor import LogCursor
from tests import waiting
from tests.forked import started
from tests.outputs.servers_base import Server
from tests.reliability.destinations import Arrival, Destination, arrival
from tests.reliability.maker import id_of

ROOT = Path(__file__).resolve().parents[2]
# Modules that are imported often are compiled once, whatever the environment of the tests.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {
    "OPENBLAS_NUM_THREADS": "1"
}
STEP_S = 0.02


class Process:
    """A program of the project that tests kill and restart."""

    starts: Callable[..., subprocess.Popen[bytes]] = staticmethod(started)

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.output = folder / f"{name}.output"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        with self.output.open("ab") as output:
            self._process = self.starts(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=self._out(output),
                stderr=output,
                cwd=ROOT,
                env=ENVIRONMENT,
            )

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(how)
        return self._left(self._process)

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def _out(self, output: IO[bytes]) -> IO[bytes]:
        return output

    def _left(self, process: subprocess.Popen[bytes]) -> int:
        return process.wait(60)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()


class Maker(Process):
    """``runs``: the last durable number that each of its processes reported. A killed one may have written more."""

    def __init__(self, log: Path, *, rate: float = 0, count: int = 0) -> None:
        super().__init__(log.parent, "maker")
        self.log, self.rate, self.count = log, rate, count
        self.runs: list[int] = []
        self._reader: threading.Thread | None = None

    def command(self) -> Sequence[str]:
        reported = ["--life", str(len(self.runs)), "--rate", str(self.rate), "--count", str(self.count)]
        return [sys.executable, "-m", "tests.reliability.maker", str(self.log), *reported]

    def start(self) -> None:
        self.runs.append(0)
        super().start()
        assert self._process is not None
        self._reader = threading.Thread(target=self._listen, args=(self._process.stdout,))
        self._reader.start()

    def make(self, count: int, rate: float = 0, seconds: float = 120) -> None:
        """Write this many records, in a process that exits normally."""
        self.count, self.rate = count, rate
        self.start()
        assert self._process is not None
        assert self._process.wait(seconds) == 0, self.output.read_text()
        self._left(self._process)
        assert self.runs[-1] == count

    @property
    def promised(self) -> set[str]:
        """Ids of all records that were reported as durable."""
        return {id_of(lifetime, number) for lifetime, last in enumerate(self.runs, 1) for number in range(1, last + 1)}

    def _out(self, output: IO[bytes]) -> int:  # type: ignore[override] a pipe
        return subprocess.PIPE

    def _listen(self, out: IO[bytes] | None) -> None:
        assert out is not None
        with out:
            for line in out:
                if line.endswith(b"\n"):
                    self.runs[-1] = int(line)

    def _left(self, process: subprocess.Popen[bytes]) -> int:
        code = super()._left(process)
        if self._reader is not None:
            self._reader.join()
        return code


class Forward(Process):
    """`sensor forward` for these destinations."""

    def __init__(self, log: Path, destinations: Iterable[Destination], name: str = "forward") -> None:
        super().__init__(log.parent, name)
        self.log, self.names = log, [one.name for one in destinations]
        self.config = log.parent / f"{name}.yaml"
        self.config.write_text(
            json.dumps({"events": str(log), "outputs": {one.name: one.options for one in destinations}})
        )

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "sensor", "forward", "--config", str(self.config)]

    def at(self, name: str) -> int:
        """The last number that an output has processed."""
        return cursor(self.log, name)

    def status(self, name: str) -> Status:
        return load_status(self.log, name) or Status(name, "")

    def wait(self, number: int, seconds: float = 60) -> None:
        """Wait until all outputs have processed a number."""

        def done() -> bool:
            assert self.running, self.output.read_text()[-2000:]
            return all(self.at(name) >= number for name in self.names)

        behind = until(done, seconds)
        assert behind, (
            f"at {[(name, self.at(name), self.status(name).error) for name in self.names]} of {number:,}: "
            f"{self.output.read_text()[-2000:]}"
        )


class Used(NamedTuple):
    """Current resources of a process. ``mb``: memory (10**6 bytes), ``most_mb``: peak since ``forget_most``."""

    mb: float
    most_mb: float
    threads: int
    files: int


def used(pid: int) -> Used:
    reported = Path(f"/proc/{pid}/status").read_text()
    kib, most, threads = (
        int(re.findall(rf"^{name}:\s+(\d+)", reported, re.MULTILINE)[0]) for name in ("VmRSS", "VmHWM", "Threads")
    )
    return Used(kib * 1024 / 1e6, most * 1024 / 1e6, threads, len(list(Path(f"/proc/{pid}/fd").iterdir())))


def forget_most(pid: int) -> None:
    """Reset the peak of memory."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def until(holds: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition held in time."""
    try:
        return bool(waiting.until(holds, timeout_s=seconds))
    except AssertionError:
        return holds()


@contextlib.contextmanager
def serving(destinations: Sequence[Destination]) -> Iterator[None]:
    """All servers, started together."""
    try:
        with_threads([one.server.start for one in destinations])
        yield
    finally:
        for one in destinations:
            one.server.close()


def with_threads(calls: Sequence[Callable[[], object]]) -> None:
    """Run all of them in parallel; an exception of one is raised here."""
    failed: list[BaseException] = []

    def run(call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 raised below
            failed.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def killings(victim: Process | Server, times: int, within_s: float, chance: random.Random) -> Callable[[], None]:
    """Kill it this many times, each after a while, and restart it at once."""

    def kill() -> None:
        for _ in range(times):
            time.sleep(chance.uniform(0, within_s))
            victim.kill()
            victim.start()

    return kill


# The account.


def written(log: Path) -> list[Arrival]:
    """All records of a log, whose numbers have no gap."""
    reader, found = LogCursor(log), list[Arrival]()
    try:
        while lines := reader.read():
            found += [arrival(json.loads(line)) for _, line in lines]
        assert (reader.missing, reader.damages) == (0, [])
    finally:
        reader.close()
    assert [one.seq for one in found] == list(range(1, len(found) + 1))
    return found


class Account(NamedTuple):
    """``again``: records that the log has twice under the same id, since a restarted sensor reports again what may not
    be durable; ``lost``: missing ids; ``repeats``: log lines that arrived again; ``doubles``: ids that arrived again,
    for any reason; ``strange``: records that are not in the log, or not with that number; ``overtaken``: records that
    arrived before an earlier one of their lane.
    """

    name: str
    count: int
    again: int
    lost: int
    repeats: int
    doubles: int
    strange: int
    overtaken: int

    def check(self, *, exact: bool) -> None:
        """Nothing is lost, order is kept, and there are no duplicates where the destination guarantees that."""
        assert (self.lost, self.strange, self.overtaken) == (0, 0, 0), self
        assert not (exact and self.doubles), self


def account(log: Sequence[Arrival], destination: Destination) -> Account:
    """Compare a log with the records at a destination."""
    parts = destination.arrived()
    lines, came = {(one.id, one.seq) for one in log}, Counter((one.id, one.seq) for part in parts for one in part)
    ids, ids_came = {one.id for one in log}, {one.id for part in parts for one in part}
    strange = sum(times for line, times in came.items() if line not in lines)
    overtaken = sum(
        _overtaken(one for one in part if (one.kind in URGENT) == urgent) for part in parts for urgent in (False, True)
    )
    total = came.total()
    return Account(
        destination.name, len(log), len(log) - len(ids), len(ids - ids_came), total - len(came),
        total - len(ids_came), strange, overtaken
    )  # fmt: skip


def _overtaken(lane: Iterable[Arrival]) -> int:
    seen, last, count = set[str](), 0, 0
    for one in lane:
        if one.id not in seen:
            seen.add(one.id)
            count += one.seq < last
            last = max(last, one.seq)
    return count
