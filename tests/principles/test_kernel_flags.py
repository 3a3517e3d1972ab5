"""Principle 10: kernels are safe on hostile bytes. Bounds checks are on in every one of them, and no error is
swallowed.
"""

from __future__ import annotations

import contextlib
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.principles._source import ROOT, SENSOR, kernels, name_of

SOURCES = [path for path in kernels() if path.suffix == ".pyx"]

DECLARED = re.compile(
    r"^\s*cdef (?:inline )?((?:int|u?int\d+_t|Py_ssize_t|bint|double|void)\*? \w+\([^)]*\).*)$", re.MULTILINE
)


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
    assert not [
        f"{name_of(path)}:{i + 1}"
        for i, line in enumerate(lines)
        if "noexcept" in line.split("#")[0] and "#" not in line
    ]


@pytest.mark.parametrize("path", kernels(), ids=name_of)
def test_functions_pass_errors_on(path: Path) -> None:
    """Every C function that returns a C value names the value that means an error."""
    declared = re.findall(
        r"^\s*cdef (?:inline )?((?:int|u?int\d+_t|Py_ssize_t|bint|double|void)\*? \w+\([^)]*\).*)$",
        path.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert not [line for line in declared if not re.search(r"\bexcept\b|\bnoexcept\b", line)]


@pytest.fixture(scope="module")
def build() -> dict[str, Any]:
    """What setup.py defines."""
    with contextlib.chdir(ROOT):
        return runpy.run_path(str(ROOT / "setup.py"), run_name="setup")


def test_kernels_are_optimised_whatever_the_environment_says(build: dict[str, Any]) -> None:
    """The flags stand with each kernel, and with what they share: a CFLAGS of the environment takes the place of the
    interpreter's own.
    """
    for extension in (build["shared"], *map(build["kernel"], build["paths"])):
        assert extension.extra_compile_args == ["-O3", "-g0", "-fwrapv", "-DNDEBUG"], extension.name


def test_every_kernel_is_built_under_its_own_name(build: dict[str, Any]) -> None:
    assert {extension.name: extension.sources for extension in map(build["kernel"], build["paths"])} == {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): [path.relative_to(ROOT).as_posix()] for path in SOURCES
    }


def test_kernels_share_the_code_of_memoryviews() -> None:
    """It is compiled once: without that each kernel takes a megabyte more."""
    (shared,) = (SENSOR / "core").glob("_shared.*.so")
    compiled = [next(path.parent.glob(f"{path.stem}.*.so")) for path in SOURCES]
    assert b"Cannot transpose memoryview" in shared.read_bytes()
    assert not [path.name for path in compiled if b"Cannot transpose memoryview" in path.read_bytes()]


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_kernels_tell_their_types(path: Path) -> None:
    """A stub beside each kernel lets mypy see through it."""
    assert path.with_suffix(".pyi").is_file(), f"{name_of(path)} has no .pyi"
