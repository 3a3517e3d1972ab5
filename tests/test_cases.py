"""Samples of tests: some cases of each function, half of the long functions, and all when tests are selected."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests import forked, sampling
from tests.cases import drawn
from tests.costs import long_of

MANY = [f"test_a.py::test_many[{number}]" for number in range(100)]
FEW = ["test_a.py::test_few[a-b]", "test_a.py::test_few[b]", "test_a.py::TestIt::test_few[a]", "test_b.py::test_alone"]
FILE = """
import pytest

@pytest.mark.parametrize("number", range(100))
def test_many(number): pass

def test_alone(): pass
"""
# The forked process has the settings of this one; these are those of its environment.
SETTINGS = """
import importlib
from tests import sampling

importlib.reload(sampling)
"""


def test_every_function_has_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred cases ten are drawn, the same for the same seed; all cases are drawn of a function with few."""
    monkeypatch.setattr(sampling, "WHOLE", False)
    monkeypatch.setattr(sampling, "SEED", 1)
    first = drawn(MANY + FEW)
    assert (len(first), first >= set(FEW), first <= set(MANY + FEW)) == (14, True, True)
    assert first == drawn(MANY + FEW)
    assert {nodeid for nodeid in first if nodeid in MANY} == drawn(MANY)  # whichever other tests run
    monkeypatch.setattr(sampling, "SEED", 2)
    assert first != drawn(MANY + FEW)


def test_a_seventh_of_the_long_functions_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another seed draws others; a full run has all."""
    monkeypatch.setattr(sampling, "WHOLE", False)
    long = [f"test_l.py::test_{number}" for number in range(200)]
    samples = []
    for seed in range(8):
        monkeypatch.setattr(sampling, "SEED", seed)
        found = drawn([*long, *FEW], long)
        assert found >= set(FEW)
        samples.append(found - set(FEW))
    assert all(12 < len(one) < 50 for one in samples)
    assert set.union(*samples) > samples[0]
    assert long_of({"a::b[1]": 0.4, "a::b[2]": 0.3, "a::c": 0.5}) == {"a::b": 0.7}


@pytest.mark.parametrize(
    ("words", "whole", "tests"),
    [
        ([], "", 11),
        ([], "1", 101),
        (["-k", "many"], "", 100),
        (["test_it.py::test_many"], "", 100),
        (["test_it.py::test_many[7]"], "", 1),
        (["--last-failed"], "", 101),
    ],
)
def test_what_is_selected_runs_completely(tmp_path: Path, words: list[str], whole: str, tests: int) -> None:
    (tmp_path / "test_it.py").write_text(FILE)
    (tmp_path / "conftest.py").write_text(SETTINGS)
    run = forked.run(
        [sys.executable, "-m", "pytest", "-p", "tests.cases", "-q", "-c", os.devnull, f"--rootdir={tmp_path}", *words],
        cwd=tmp_path,
        env={**os.environ, "SENSOR_SEED": "5", "SENSOR_WHOLE": whole},
        capture_output=True,
        text=True,
    )
    assert (run.returncode, f"{tests} passed" in run.stdout) == (0, True), run.stdout + run.stderr
