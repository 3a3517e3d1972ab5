"""The floor of the benchmark: what it measures, what passes and what fails. Real programs are measured."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.perf import floor
from tests.perf.runs import Run

WHO = "CPython 3.11 x86_64"
needs_valgrind = pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind")


@pytest.mark.parametrize(("cost", "code"), [(80.0, 0), (100.0, 0), (114.9, 0), (115.1, 1), (300.0, 1)])
def test_fifteen_percent_more_fails(cost: float, code: int) -> None:
    assert floor.verdict(cost, 100.0, "instructions", WHO)[0] == code


def test_an_unknown_figure_is_no_pass() -> None:
    """Another build of Python has another cost: there is no result before a figure is stored."""
    code, line = floor.verdict(100.0, None, "loops", WHO)
    assert (code, line.split(":")[0]) == (2, "unknown")


def test_a_figure_that_is_kept_is_the_next_floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other figures are unchanged; the same program at 20 % higher cost fails."""
    path = tmp_path / "floor.json"
    path.write_text(json.dumps({"PyPy 3.11 x86_64": {"loops": 3.0}}))
    monkeypatch.setattr(floor, "figures_of", lambda: WHO)
    monkeypatch.setattr(floor, "measure", lambda: ("instructions", 1000.0))
    assert floor.main([], path) == 2
    assert floor.main(["--keep"], path) == 0
    assert json.loads(path.read_text()) == {WHO: {"instructions": 1000.0}, "PyPy 3.11 x86_64": {"loops": 3.0}}
    monkeypatch.setattr(floor, "measure", lambda: ("instructions", 1200.0))
    assert floor.main([], path) == 1


def test_a_replay_that_fails_is_no_pass(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Few instructions before a failure are no pass; the exit code is not that of an unknown figure."""
    monkeypatch.setattr(floor, "replay", lambda _: ["false"])
    assert floor.main([], tmp_path / "floor.json") == 3


def test_figures_of_the_usual_python_are_kept() -> None:
    """Figures exist for the Python of Debian 13, where all is tested, and for the oldest supported one."""
    kept = json.loads(floor.KEPT.read_text(encoding="utf-8"))
    assert {name.rpartition(".")[0] for name in (one.split()[1] for one in kept)} >= {"3.11", "3.13"}
    assert [figures for figures in kept.values() if not 1e3 < figures["instructions"] < 1e5] == []


@needs_valgrind
def test_instructions_are_those_of_the_program() -> None:
    """The same program takes the same number, to one percent, and one that does more takes more."""
    count = "i=0; while [ $i -lt $0 ]; do i=$((i+1)); done"
    first, second, more = (floor.instructions(["sh", "-c", count, times]) for times in ("1000", "1000", "10000"))
    assert abs(first - second) < first / 100
    assert more > first * 2


@needs_valgrind
def test_a_program_that_fails_has_no_cost() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        floor.instructions(["false"])


def test_a_loop_beside_it_is_the_unit_where_nothing_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The least of each counts: a disturbed run is ignored."""
    seconds = {"ours": iter([9.0, 4.0, 5.0]), "loop": iter([2.0, 3.0, 1.0])}
    monkeypatch.setattr(floor, "PAIRS", 3)
    monkeypatch.setattr(floor, "once", lambda command: Run(next(seconds[command[0]]), 0, 0))
    assert floor.loops(["ours"], ["loop"]) == 4.0
