"""Custom rules: those that a sensor loads, and files in the state folder, which the functions of `sensor rules` check,
test, backtest and write.
"""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sensor.console.child import Limits, run
from sensor.datasets.dataset import Dataset
from sensor.datasets.reload_request import request_reload
from sensor.documents import Fault, write_whole, yaml_files
from sensor.rules.load import FOLDER, Loaded, load_rules
from sensor.rules.trial import RuleTestResult, run_trial
from sensor.rules.values import RuleError
from sensor.views.errors import Malformed, NotReadable, Unknown

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
LIMITS = Limits(memory=1 << 30, seconds=120.0)
# Largest total size of captures for a backtest on a page.
CAPTURES = 1 << 30
# Seconds that a backtest waits for another one: it occupies a worker thread.
WAIT_S = 5.0
_WRITING = threading.Lock()
_BACKTESTING = threading.BoundedSemaphore(1)


class TestedRule(NamedTuple):
    """A rule's test with its result; ``fault``: why it could not run, empty if it ran."""

    rule: str
    title: str
    outcome: RuleTestResult | None
    fault: str

    @property
    def good(self) -> bool:
        return self.outcome is not None and self.outcome.good


class CheckedRules(NamedTuple):
    """The check of a text: its rules, faults, and tests."""

    rules: Sequence[Loaded]
    faults: Sequence[Fault]
    tests: Sequence[TestedRule]

    @property
    def good(self) -> bool:
        return not self.faults and all(one.good for one in self.tests)


class RuleFiles:
    """``own``: folder for files written here; ``folders``: where a sensor looks for rules."""

    def __init__(self, state: Path, config: Path | None) -> None:
        self._state, self._config, self.own = state, config, state / FOLDER
        self.folders = [*([config.parent / FOLDER] if config is not None else []), self.own]

    def all(self) -> tuple[list[Loaded], list[Fault]]:
        """All rules as a sensor loads them."""
        return load_rules(self._there())

    def names(self) -> list[str]:
        """Names of local files."""
        return sorted(path.stem for path in self.own.glob("*.yaml")) if self.own.is_dir() else []

    def name_of(self, path: Path) -> str:
        """Name of a file; empty if it is not local."""
        return path.stem if path.parent == self.own.resolve() and path.suffix == ".yaml" else ""

    def text(self, name: str) -> str:
        """Text of a local file. Raises Unknown, OSError."""
        return self._known(name).read_text("utf-8", "replace")

    def examine(self, name: str, text: str) -> CheckedRules:
        """Check a text as a file beside the others. Raises Malformed if the name is invalid."""
        path = self._path(name)
        others = [one for folder in self._there() for one in yaml_files(folder) if one.resolve() != path]
        with _file(name, text) as file:
            rules, faults = load_rules([*others, file])
        rules = [one for one in rules if one.path == file]
        faults = [fault._replace(path=Path(path.name)) for fault in faults if fault.path == file]
        return CheckedRules(rules, faults, list(_tests(rules)))

    def backtest(self, name: str, text: str, dataset: Dataset) -> list[dict[str, Any]]:
        """Alerts that the rules would raise on the captures of a dataset. Raises NotReadable if that is unknown."""
        captures = [Path(one) for one in dataset.card.captures]
        if not captures:
            raise NotReadable(f"{dataset.name} was not created from captures: a backtest needs a dataset of a replay")
        if missing := [one for one in captures if not one.is_file()]:
            raise NotReadable(f"a backtest needs the capture, and {missing[0].name} can no longer be read")
        if (size := sum(one.stat().st_size for one in captures)) > CAPTURES:
            raise NotReadable(
                f"{size >> 20:,} MiB of captures take too long: `sensor rules try FILE CAPTURE` has no limit"
            )
        if not _BACKTESTING.acquire(timeout=WAIT_S):
            raise NotReadable("another backtest is running: try again when it has finished")
        try:
            with _file(name, text) as file:
                configured = [f"--config={self._config}"] if self._config is not None else []
                arguments = ["rules", "try", str(file), *map(str, captures), "--json", *configured]
                done = run(arguments, self._state, LIMITS)
        finally:
            _BACKTESTING.release()
        if done.fault:
            raise NotReadable(f"the backtest failed: {done.fault}")
        return [msgspec.json.decode(line) for line in done.output.splitlines() if line.startswith(b"{")]

    def save(self, name: str, text: str) -> CheckedRules:
        """Write a file and request a reload. Raises Malformed if it has a fault or a test fails; OSError."""
        found = self.examine(name, text)
        if found.good:
            with _WRITING:
                write_whole(self._path(name), text.encode())
                request_reload(self._state)
        return found

    def remove(self, name: str) -> None:
        """Remove a local file. Raises Unknown, OSError."""
        with _WRITING:
            self._known(name).unlink()
            request_reload(self._state)

    def _there(self) -> list[Path]:
        return [folder for folder in self.folders if folder.is_dir()]

    def _known(self, name: str) -> Path:
        if name not in self.names():
            raise Unknown("file", name, self.names())
        return self._path(name)

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise Malformed("name", name, "lowercase letters, digits, dashes and underscores, at most 64")
        return self.own.resolve() / f"{name}.yaml"


def _tests(rules: Sequence[Loaded]) -> Iterator[TestedRule]:
    for one in rules:
        for place, trial in enumerate(one.rule.tests):
            try:
                yield TestedRule(one.rule.id, trial.title, run_trial(one, place), "")
            except RuleError as error:
                yield TestedRule(one.rule.id, trial.title, None, error.message)


@contextmanager
def _file(name: str, text: str) -> Iterator[Path]:
    """A text as a temporary file with this name, inside of the block."""
    with tempfile.TemporaryDirectory(prefix="sensor-rules-") as folder:
        path = Path(folder).resolve() / f"{name}.yaml"
        path.write_text(text, "utf-8")
        yield path
