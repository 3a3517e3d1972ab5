"""CPU seconds of tests by folder and by file, including programs they start: ``pytest -p tests.costs``.

Wall-clock time depends on other programs of a machine; CPU time is the cost of a test. Works with workers as well.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections import Counter
from collections.abc import Generator, Mapping
from pathlib import Path

import pytest

from tests.cases import LONG

SPENT, LONG_S = "cpu_s", 0.6


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--costs", type=Path, help="write the CPU seconds of each test into this JSON file")
    parser.addoption("--keep-long", action="store_true", help=f"write the functions of over {LONG_S} s to {LONG.name}")


def _cpu_s() -> float:
    """CPU seconds of this process and of its ended children."""
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


class Costs:
    """Adds the CPU time since the last phase of a test to its report, and sums up the reports."""

    def __init__(self) -> None:
        self._at = (os.getpid(), _cpu_s())
        self.tests: Counter[str] = Counter()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        now, (pid, before) = _cpu_s(), self._at
        self._at = os.getpid(), now
        report.user_properties = [(SPENT, now - before if pid == os.getpid() else now)]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == SPENT and isinstance(value, float):
                self.tests[report.nodeid] += value

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        folders, files = Counter[str](), Counter[str]()
        for nodeid, seconds in self.tests.items():
            path = Path(nodeid.partition("::")[0])
            folders[str(path.parent)] += seconds
            files[str(path)] += seconds
        terminalreporter.section(f"CPU seconds: {folders.total():.1f}")
        for name, seconds in [*folders.most_common(), *files.most_common(30)]:
            terminalreporter.write_line(f"{seconds:8.1f} {name}")
        if config.option.costs:
            config.option.costs.write_text(json.dumps(self.tests, indent=0), encoding="utf-8")
        if config.option.keep_long:
            LONG.write_text(json.dumps(long_of(self.tests), indent=0) + "\n", encoding="utf-8")


def long_of(tests: Mapping[str, float]) -> dict[str, float]:
    """The functions whose cases take longer than ``LONG_S`` together, with their seconds."""
    functions = Counter[str]()
    for nodeid, seconds in tests.items():
        functions[nodeid.partition("[")[0]] += seconds
    return {name: round(seconds, 1) for name, seconds in sorted(functions.items()) if seconds >= LONG_S}


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Costs())
