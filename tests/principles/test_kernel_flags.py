"""Principle 10: kernels are safe on hostile bytes. Bounds checks are on in every one of them, and no error is swallowed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.principles._source import ROOT, kernels, name_of

SOURCES = [path for path in kernels() if path.suffix == ".pyx"]

DECLARED = re.compile(r"^\s*cdef (?:inline )?((?:int|u?int\d+_t|Py_ssize_t|bint|double|void)\*? \w+\([^)]*\).*)$", re.MULTILINE)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_bounds_checks_are_on(path: Path) -> None:
    """The first line of a kernel switches them on, in words, for whoever reads or compiles it alone."""
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert re.match(r"# cython: .*\bboundscheck=True\b", first), f"{name_of(path)}: {first}"


@pytest.mark.parametrize("path", kernels(), ids=name_of)
def test_bounds_checks_are_never_switched_off(path: Path) -> None:
    """Neither for a function nor for a block."""
    assert not re.search(r"boundscheck\s*(=\s*False|\(\s*False)", path.read_text(encoding="utf-8")), name_of(path)


@pytest.mark.parametrize("path", kernels(), ids=name_of)
def test_noexcept_says_why(path: Path) -> None:
    """A noexcept function swallows a bounds error, so the line that declares one says why it cannot meet one."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert not [f"{name_of(path)}:{i + 1}" for i, line in enumerate(lines) if "noexcept" in line.split("#")[0] and "#" not in line]


@pytest.mark.parametrize("path", kernels(), ids=name_of)
def test_functions_pass_errors_on(path: Path) -> None:
    """Every C function that returns a C value names the value that means an error."""
    declared = re.findall(
        r"^\s*cdef (?:inline )?((?:int|u?int\d+_t|Py_ssize_t|bint|double|void)\*? \w+\([^)]*\).*)$", path.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert not [line for line in declared if not re.search(r"\bexcept\b|\bnoexcept\b", line)]


def test_kernels_are_optimised_whatever_the_environment_says() -> None:
    """The flags stand with each kernel: a CFLAGS of the environment takes the place of the interpreter's own, and without -O3 they are five times slower."""
    for entry in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["ext-modules"]:
        assert entry["extra-compile-args"] == ["-O3", "-g0", "-fwrapv", "-DNDEBUG"], entry["name"]


def test_every_kernel_is_built_and_every_built_one_exists() -> None:
    """The list in pyproject.toml names exactly the .pyx files, each under its own dotted name."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["ext-modules"]
    assert {entry["name"]: entry["sources"] for entry in listed} == {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): [path.relative_to(ROOT).as_posix()] for path in SOURCES
    }


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_kernels_tell_their_types(path: Path) -> None:
    """A stub beside each kernel lets mypy see through it."""
    assert path.with_suffix(".pyi").is_file(), f"{name_of(path)} has no .pyi"
