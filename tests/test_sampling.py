"""Samples: the same for the same seed, always with the first and last item, complete in a full run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import sampling

FAILING = (
    "def test_it():\n    from tests import sampling\n    assert sampling.WHOLE is None, "
    "str(sampling.some(range(1000), 5, 'a'))\n"
)
# The environment of a run that takes samples, whatever this run takes.
SAMPLED = {"SENSOR_WHOLE": "", "SENSOR_ENDURANCE": ""}


def test_the_same_seed_gives_the_same_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample is in order, with both ends, each item at most once; another use or seed gives another one."""
    monkeypatch.setattr(sampling, "WHOLE", False)
    monkeypatch.setattr(sampling, "SEED", 7)
    first = sampling.some(range(10_000), 50, "a")
    assert first == sampling.some(range(10_000), 50, "a")
    assert first == sorted(set(first))
    assert (len(first), first[0], first[-1]) == (50, 0, 9_999)
    assert first != sampling.some(range(10_000), 50, "b")
    monkeypatch.setattr(sampling, "SEED", 8)
    assert first != sampling.some(range(10_000), 50, "a")


def test_every_item_is_drawn_with_some_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ends are as frequent as the others, and items are in order."""
    monkeypatch.setattr(sampling, "WHOLE", False)
    seen = [sampling.drawn("abcd", 2, number) for number in range(400)]
    assert {len(one) for one in seen} == {2}
    assert [one for one in seen if one != sorted(one)] == []
    assert [letter for letter in "abcd" if not 150 < sum(letter in one for one in seen) < 250] == []


@pytest.mark.parametrize("endurance", [False, True])
def test_repetitions_are_those_of_endurance(monkeypatch: pytest.MonkeyPatch, endurance: bool) -> None:
    """A full run has all cases, but not the repetitions."""
    monkeypatch.setattr(sampling, "WHOLE", True)
    monkeypatch.setattr(sampling, "ENDURANCE", endurance)
    assert (sampling.count(100, 10), sampling.repeated(100, 10)) == (100, 100 if endurance else 10)


@pytest.mark.parametrize("whole", [False, True])
def test_few_are_taken_all(monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    """In a full run all items are taken, however many."""
    monkeypatch.setattr(sampling, "WHOLE", whole)
    assert sampling.some("abc", 3) == ["a", "b", "c"]
    assert sampling.some([], 3) == []
    assert sampling.drawn("abc", 3) == ["a", "b", "c"]
    assert len(sampling.drawn(range(100), 10)) == (100 if whole else 10)
    assert len(sampling.some(range(100), 10)) == (100 if whole else 10)
    assert sampling.count(100, 10) == (100 if whole else 10)


def test_a_failure_names_its_seed(tmp_path: Path, root: Path) -> None:
    """The seed is printed after the failures, in the form that reproduces the sample."""
    (tmp_path / "test_it.py").write_text(FAILING)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-c",
        "pyproject.toml",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        str(tmp_path),
    ]
    seeds = {}
    for seed in ("11", "12"):
        run = subprocess.run(
            command,
            cwd=root,
            env={**os.environ, **SAMPLED, "SENSOR_SEED": seed},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 1, run.stderr
        assert f"SENSOR_SEED={seed}" in run.stdout
        seeds[seed] = next(line for line in run.stdout.splitlines() if "AssertionError" in line)
    assert seeds["11"] != seeds["12"]
