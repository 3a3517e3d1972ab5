"""What all tests share: settings of hypothesis, the report of samples, and where the lab can run."""

from __future__ import annotations

import functools
import gc
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

from sensor.core import secrecy
from sensor.core.bounded import Bounded
from sensor.logs import logs
from sensor.report.pdf import NoPdf, writer
from sensor.runtime.process import GARBAGE, give_back
from tests import sampling
from tests.forked import load
from tests.golden import golden  # noqa: F401 - a fixture
from tests.records.unconfined import queries_within  # noqa: F401 - a fixture
from tests.sharing import share, warm

# No deadline: a busy machine is not a defect. The same examples in every run: a failed test fails until it is fixed.
settings.register_profile("house", deadline=None, derandomize=True, max_examples=sampling.count(100, 40))
settings.load_profile("house")
# Hypothesis also draws constants from the sources of all loaded modules: examples would depend on which modules other
# tests of the process have loaded, and reading the sources takes five seconds.
providers._get_local_constants = lambda: providers._local_constants
share()
# Items of pytest are frozen after collection. Until then they would be traversed again and again; from then on tests
# that run many engines, each with large tables, leave no more than a few of them.
gc.set_threshold(*GARBAGE)
ENGINES = (5_000, 5, 4)
# Number of tests in a run of several processes from which they are warmed up before the first.
MANY = 200

# A background run of a shell ignores Ctrl-C, and so would every program that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Test modules, and the sensor in every process of a test, are compiled once and not each time.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Terminals of tests have colours and a width, whatever the one that starts them can show.
for _name in ("TERM", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
    os.environ.pop(_name, None)


@pytest.fixture(scope="session")
def root() -> Path:
    """The root folder of the repository."""
    return Path(__file__).resolve().parent.parent


@functools.cache
def _lab_missing() -> str:
    """Why network namespaces cannot be created here; empty if they can."""
    if not sys.platform.startswith("linux") or shutil.which("ip") is None or shutil.which("unshare") is None:
        return "the lab needs Linux with iproute2"
    made = subprocess.run(
        ["unshare", "--net", "ip", "link", "add", "lab0", "type", "veth", "peer", "name", "lab1"],
        capture_output=True,
        check=False,
    )
    return "" if made.returncode == 0 else "the lab needs the right to make network namespaces (root)"


@functools.cache
def _paper_missing() -> str:
    """Why PDF cannot be written here; empty if it can."""
    try:
        writer()
    except NoPdf as missing:
        return str(missing)
    return ""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Each test starts with a fresh logger, without passwords masked in earlier tests, and without the service manager
    that may have started the tests. Not a fixture: there are 14,000 tests.
    """
    logs._LOG, secrecy._KNOWN = logs._Log(), Bounded[str, bool](256)
    os.environ.pop("NOTIFY_SOCKET", None)
    for marker, missing in (("lab", _lab_missing), ("paper", _paper_missing)):
        if item.get_closest_marker(marker) and missing():
            pytest.skip(missing())


def _resident() -> int:
    """Resident memory in MiB; 0 where the system does not report it."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20
    except OSError:
        return 0


class Garbage:
    """Frees what sensors that ran in this process leave behind, once it is much: free memory held by the C library, and
    reference cycles. What exists before the first test is frozen: later collections ignore it.
    """

    MUCH = 24

    def __init__(self) -> None:
        self.collect()
        gc.freeze()
        gc.set_threshold(*ENGINES)

    def collect(self) -> None:
        gc.collect()
        give_back()
        self._after = _resident()

    def pytest_runtest_logfinish(self) -> None:
        if _resident() > self._after + self.MUCH:
            self.collect()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: otherwise a worker would still run one of them when all others are done."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish(session: pytest.Session) -> None:
    if getattr(session.config.option, "workers", 0) and len(session.items) >= MANY:
        warm()
        load()
    session.config.pluginmanager.register(Garbage())


def _sampled() -> str:
    whole = "all cases" if sampling.WHOLE else "sample (`make test-all` runs all cases)"
    repeated = ", many repetitions" if sampling.ENDURANCE else ""
    return f"exhaustive tests: {whole}{repeated}, SENSOR_SEED={sampling.SEED}"


def pytest_report_header() -> str:
    return _sampled()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if terminalreporter.stats.keys() & {"failed", "error"}:
        terminalreporter.write_line(_sampled())
