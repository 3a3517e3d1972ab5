"""Tests in several processes, forked after collection: ``pytest -p tests.workers --workers 4``.

Collection takes ten seconds and 350 MiB. It happens once, and the workers share its memory. A worker runs one file
after the other, so that what the tests of a file share is created once; a worker that has grown much exits, and a new
one replaces it. Without ``--workers`` pytest runs as usual.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import time
import traceback
from collections.abc import Iterator
from itertools import groupby
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import orphans

# A thread of OpenBLAS would not survive the fork.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

SECONDS = "workers/times"
# Seconds of the longest files, for the first run of a checkout; ``--keep-durations`` writes those of a run.
STORED, LONG_S = Path(__file__).with_name("durations.json"), 4
# A file that uses the processor for a smaller share of its time mostly waits.
COMPUTES = 0.5
# Seconds of a file that no run has measured: with slow tests, and for each test.
SLOW_S, TEST_S = 10.0, 0.05
# Private memory (MiB) from which a worker gets no further file.
MUCH_MIB = 48

File = list[pytest.Item]


class Times(NamedTuple):
    """Seconds of a file: in all, and of processor time with that of ended programs."""

    all_s: float
    cpu_s: float

    def __add__(self, other: object) -> Times:
        assert isinstance(other, Times)
        return Times(self.all_s + other.all_s, self.cpu_s + other.cpu_s)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--workers", type=int, default=0, help="run tests in this many processes (0: in this one)")
    parser.addoption("--keep-durations", action="store_true", help=f"write the seconds of long files to {STORED.name}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    option = session.config.option
    if option.workers < 1 or option.collectonly or session.testsfailed or not session.items:
        return None
    Crew(session).run(option.workers)
    return True


class Crew:
    """The process that collected: gives files to workers, and receives their reports."""

    def __init__(self, session: pytest.Session) -> None:
        self.session, self.config = session, session.config
        self._cache: pytest.Cache | None = getattr(self.config, "cache", None)
        self._times = stored() | ({} if self._cache is None else _times(self._cache.get(SECONDS, {})))
        self._files = sorted(_by_file(session.items), key=self._expected)
        self._given: dict[Connection, tuple[int, File]] = {}
        self._at: dict[Connection, pytest.Item] = {}
        self._items = {item.nodeid: item for item in session.items}
        self._spent: dict[str, Times] = {}
        self._waiting: set[Connection] = set()
        self._most_waiting = 1

    def _expected(self, file: File) -> float:
        """Expected seconds: the longest files are given first, so that none of them is left at the end."""
        slow = any(item.get_closest_marker("slow") for item in file)
        known = self._times.get(_path(file[0].nodeid))
        return known.all_s if known else slow * SLOW_S + len(file) * TEST_S

    def _waits(self, file: File) -> bool:
        known = self._times.get(_path(file[0].nodeid))
        return known is not None and known.all_s >= LONG_S and known.cpu_s < COMPUTES * known.all_s

    def run(self, most: int) -> None:
        # One folder for the temporary files of all workers; only a fixture hands out its factory.
        factory: pytest.TempPathFactory = vars(self.config)["_tmp_path_factory"]
        factory.getbasetemp()
        self._most_waiting = max(1, most - (os.cpu_count() or 1))
        try:
            for _ in range(min(most, len(self._files))):
                self._start()
            while self._given:
                for pipe in wait(list(self._given)):
                    assert isinstance(pipe, Connection)
                    self._receive(pipe)
        finally:
            if self._given:
                self._end()
        if self._cache is not None:
            self._cache.set(SECONDS, self._times | self._spent)
        if self.config.option.keep_durations:
            store({path: spent for path, spent in stored().items() if Path(path).exists()} | self._spent)
        if self.session.shouldfail:
            raise self.session.Failed(self.session.shouldfail)
        if self.session.shouldstop:
            raise self.session.Interrupted(self.session.shouldstop)

    def _end(self) -> None:
        """The run was interrupted: end the workers, and the programs that their tests leave."""
        orphans.adopt()
        for pipe, (pid, _) in self._given.items():
            pipe.close()
            os.waitpid(pid, 0)
        orphans.end()

    def _start(self) -> None:
        ours, theirs = Pipe()
        pid = os.fork()
        if not pid:
            for pipe in (ours, *self._given):
                pipe.close()
            _work(self.session, self._items, theirs)
        theirs.close()
        self._given[ours] = pid, []

    def _receive(self, pipe: Connection) -> None:
        kind, what = _received(pipe)
        if kind == "left":
            self._left(pipe)
        elif kind == "wants":
            self._give(pipe, grown=what)
        elif kind == "begins":
            self._at[pipe] = self._items[what]
        elif kind == "report":
            self._reported(self.config.hook.pytest_report_from_serializable(config=self.config, data=what))
        elif kind == "ends":
            item = self._at.pop(pipe)
            self._add(item.nodeid, Times(0.0, what))
            self.config.hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        else:
            where = str(Path(__file__)), None, "the end of a worker"
            self._reported(pytest.TestReport(f"{__name__}::end", where, {}, "failed", what, "teardown"))

    def _give(self, pipe: Connection, *, grown: bool) -> None:
        if grown or not self._goes_on():
            pipe.send([])
            return
        file = self._next(pipe)
        self._given[pipe][1].extend(file)
        pipe.send([item.nodeid for item in file])

    def _next(self, pipe: Connection) -> File:
        """The longest of the files that mostly wait, while few workers run one; else the longest of the others. So
        the cores have work all the time, and no worker is left with a file that waits at the end.
        """
        self._waiting.discard(pipe)
        waiting = len(self._waiting) < self._most_waiting
        places = range(len(self._files) - 1, -1, -1)
        file = self._files.pop(next((at for at in places if self._waits(self._files[at]) == waiting), -1))
        if self._waits(file):
            self._waiting.add(pipe)
        return file

    def _goes_on(self) -> bool:
        return bool(self._files) and not self.session.shouldfail and not self.session.shouldstop

    def _reported(self, report: pytest.TestReport) -> None:
        self._add(report.nodeid, Times(report.duration, 0.0))
        self.config.hook.pytest_runtest_logreport(report=report)

    def _add(self, nodeid: str, times: Times) -> None:
        path = _path(nodeid)
        self._spent[path] = self._spent.get(path, Times(0.0, 0.0)) + times

    def _left(self, pipe: Connection) -> None:
        """Expected if the worker had no more files; otherwise its current test failed, and a new worker continues."""
        pid, given = self._given.pop(pipe)
        self._waiting.discard(pipe)
        pipe.close()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if item := self._at.pop(pipe, None):
            why = f"the process of the test ended with {code}" if code >= 0 else f"signal {-code} ended the test"
            self._reported(pytest.TestReport(item.nodeid, item.location, {}, "failed", why, "call"))
            if rest := given[given.index(item) + 1 :]:
                self._files.append(rest)
        elif code:
            raise RuntimeError(f"a worker ended with {code} between tests")
        if self._goes_on():
            self._start()


def stored(file: Path = STORED) -> dict[str, Times]:
    """Seconds by test file."""
    return _times(json.loads(file.read_text(encoding="utf-8")))


def store(times: dict[str, Times], file: Path = STORED) -> None:
    long = {path: [*map(round, spent)] for path, spent in sorted(times.items()) if spent.all_s >= LONG_S}
    lines = ",\n".join(f" {json.dumps(path)}: {json.dumps(spent)}" for path, spent in long.items())
    file.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def _times(found: dict[str, list[float]]) -> dict[str, Times]:
    return {path: Times(*spent) for path, spent in found.items()}


def _received(pipe: Connection) -> tuple[str, Any]:
    """A message of a worker: its kind and its content."""
    try:
        kind, what = pipe.recv()
    except (EOFError, ConnectionResetError):
        return "left", None
    return kind, what


def _by_file(items: list[pytest.Item]) -> list[File]:
    return [list(file) for _, file in groupby(items, key=lambda item: item.path)]


def _path(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _work(session: pytest.Session, tests: dict[str, pytest.Item], pipe: Connection) -> None:
    """The main function of a worker, which does not return. ``tests``: all of them, by id."""
    code = 1
    with contextlib.suppress(BrokenPipeError):
        try:
            _prepare(session.config, pipe)
            _run(session, tests, pipe)
            code = 0
        except KeyboardInterrupt:
            session.config.hook.pytest_sessionfinish(session=session, exitstatus=pytest.ExitCode.INTERRUPTED)
        except BaseException:  # noqa: BLE001 the crew reports it
            pipe.send(("broken", traceback.format_exc()))
            code = 0
    os._exit(code)


def _prepare(config: pytest.Config, pipe: Connection) -> None:
    """Replaces what a worker must not share: files that capture output, the terminal, the random state."""
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    capture.stop_global_capturing()
    capture.start_global_capturing()
    config.pluginmanager.unregister(name="terminalreporter")
    config.pluginmanager.register(_Reports(config, pipe))
    random.seed()


def _run(session: pytest.Session, tests: dict[str, pytest.Item], pipe: Connection) -> None:
    given = _given(tests, pipe, _own_mib())
    item = next(given, None)
    while item is not None and not session.shouldfail and not session.shouldstop:
        following = next(given, None)
        pipe.send(("begins", item.nodeid))
        began_s = _cpu_s()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        pipe.send(("ends", _cpu_s() - began_s))
        item = following
    session.config.hook.pytest_unconfigure(config=session.config)


def _given(tests: dict[str, pytest.Item], pipe: Connection, began_mib: int) -> Iterator[pytest.Item]:
    """The next file is requested before the last test of a file runs: after a test pytest tears down what the next one
    does not use.
    """
    while True:
        pipe.send(("wants", _own_mib() - began_mib > MUCH_MIB))
        if not (file := pipe.recv()):
            return
        yield from (tests[nodeid] for nodeid in file)


def _cpu_s() -> float:
    """Processor time of this process and of its ended children."""
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def _own_mib() -> int:
    """Private memory in MiB; 0 where the system does not report it."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:")) >> 10


class _Reports:
    """Sends the results of a worker's tests."""

    def __init__(self, config: pytest.Config, pipe: Connection) -> None:
        self._config, self._pipe = config, pipe

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._pipe.send(("report", data))
