"""Principle 10: kernels are safe on hostile bytes. Bounds checks are on in every kernel, and no error is ignored."""

from __future__ import annotations

import contextlib
import re
import runpy
from typing import Any

import pytest

from tests.principles._source import ROOT, SENSOR, kernels, name_of

SOURCES = [path for path in kernels() if path.suffix == ".pyx"]

TEXTS = {name_of(path): path.read_text(encoding="utf-8") for path in kernels()}

ON = re.compile(r"# cython: .*\bboundscheck=True\b")
OFF = re.compile(r"boundscheck\s*(=\s*False|\(\s*False)")
DECLARED = re.compile(
    r"^\s*cdef (?:inline )?((?:int|u?int\d+_t|Py_ssize_t|bint|double|void)\*? \w+\([^)]*\).*)$", re.MULTILINE
)


def test_bounds_checks_are_on() -> None:
    """The first line of a kernel enables them explicitly, also for a kernel that is compiled alone."""
    firsts = {name_of(path): path.read_text(encoding="utf-8").partition("\n")[0] for path in SOURCES}
    assert firsts
    assert {name: line for name, line in firsts.items() if not ON.match(line)} == {}


def test_bounds_checks_are_never_switched_off() -> None:
    """No function or block disables them."""
    assert [name for name, text in TEXTS.items() if OFF.search(text)] == []


def test_noexcept_reports_why() -> None:
    """A noexcept function ignores a bounds error, so a comment states why it cannot have one."""
    assert [
        f"{name}:{number}"
        for name, text in TEXTS.items()
        for number, line in enumerate(text.splitlines(), 1)
        if "noexcept" in line.split("#")[0] and "#" not in line and not _has_comment_above(text.splitlines()[:number])
    ] == []


def _has_comment_above(lines: list[str]) -> bool:
    """Whether there is a comment above the declaration that ends with the last of these lines."""
    start = next(
        at for at in reversed(range(len(lines))) if lines[at].lstrip().startswith(("cdef", "cpdef", "ctypedef"))
    )
    return lines[start - 1].lstrip().startswith("#")


def test_functions_pass_errors_on() -> None:
    """Every C function that returns a C value declares its error value."""
    declared = [(name, line) for name, text in TEXTS.items() for line in DECLARED.findall(text)]
    assert declared
    assert [(name, line) for name, line in declared if not re.search(r"\bexcept\b|\bnoexcept\b", line)] == []


def test_no_ordinary_value_can_mean_an_error() -> None:
    """Distinguishing such a value from an error takes the GIL, for which a kernel that runs beside Python waits."""
    assert [
        f"{name}: {line.strip()}"
        for name, text in TEXTS.items()
        for line in text.splitlines()
        if re.search(r"except\? (0|-1|NULL|0xFFFF|0xFFFFFFFF)\b.*\bnogil\b", line)
    ] == []


@pytest.mark.parametrize("text", ["boundscheck=False", "boundscheck = False", "@cython.boundscheck(False)"])
def test_check_sees_each_way_to_switch_off(text: str) -> None:
    assert OFF.search(text)


@pytest.fixture(scope="module")
def build() -> dict[str, Any]:
    """The definitions of setup.py."""
    with contextlib.chdir(ROOT):
        return runpy.run_path(str(ROOT / "setup.py"), run_name="setup")


def test_kernels_are_optimised_whatever_the_environment_reports(build: dict[str, Any]) -> None:
    """The flags are set for each kernel and for shared code, since CFLAGS of the environment replaces those of the
    interpreter.
    """
    for extension in (build["shared"], *map(build["kernel"], build["paths"])):
        assert extension.extra_compile_args == ["-O2", "-g0", "-fwrapv", "-DNDEBUG"], extension.name


def test_every_kernel_is_built_under_its_own_name(build: dict[str, Any]) -> None:
    assert {extension.name: extension.sources for extension in map(build["kernel"], build["paths"])} == {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): [path.relative_to(ROOT).as_posix()] for path in SOURCES
    }


def test_kernels_share_the_code_of_memoryviews() -> None:
    """It is compiled once: otherwise each kernel is a megabyte larger."""
    (shared,) = (SENSOR / "core").glob("_shared.*.so")
    compiled = [next(path.parent.glob(f"{path.stem}.*.so")) for path in SOURCES]
    assert b"Cannot transpose memoryview" in shared.read_bytes()
    assert not [path.name for path in compiled if b"Cannot transpose memoryview" in path.read_bytes()]


def test_kernels_report_their_types() -> None:
    """A stub beside each kernel has its types for mypy."""
    assert [name_of(path) for path in SOURCES if not path.with_suffix(".pyi").is_file()] == []
