"""`make` is the start for a new developer: it lists its targets, and reports in one line what the machine lacks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Replaces a Python that lacks something: runs the code given by -c after the code in LACK.
FAKE = """#!/bin/sh
exec {python} -c '
import sys, sysconfig
{lack}
code, sys.argv = sys.argv[2], ["-c", *sys.argv[3:]]
exec(code)' "$@"
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Path:
    """The Makefile and the files it reads, in a folder without build results."""
    for name in ("Makefile", "setup.cfg", "setup.py", "pyproject.toml"):
        shutil.copy(root / name, tmp_path)
    (tmp_path / "sensor").mkdir()
    return tmp_path


def make(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    ours = ("PYTHON", "CC", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")  # these tests may be run by make themselves
    env = {name: value for name, value in os.environ.items() if name not in ours} | environment
    return subprocess.run(["make", *words], cwd=folder, env=env, capture_output=True, text=True, check=False)


def fake_python(folder: Path, lack: str, name: str = "python3") -> str:
    path = folder / "bin" / name
    path.parent.mkdir()
    path.write_text(FAKE.format(python=sys.executable, lack=lack))
    path.chmod(0o755)
    return str(path)


def test_make_alone_teaches(checkout: Path) -> None:
    """Without a target the targets are listed, and nothing is built."""
    run = make(checkout)
    assert run.returncode == 0
    for target in ("demo", "test", "bench", "lint", "wheel", "build", "clean", "help"):
        assert f"  make {target} " in run.stdout
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize(
    ("lack", "reported"),
    [
        (
            'import os.path; os.path.exists = lambda path: not path.endswith("Python.h")',
            "sudo apt install python3-dev  Fedora: sudo dnf install python3-devel",
        ),
        (
            'sys.modules["ensurepip"] = None',
            "sudo apt install python3-venv  Fedora: sudo dnf install python3",
        ),
        (
            "import shutil; shutil.which = lambda name: None",
            "sudo apt install gcc libc6-dev  Fedora: sudo dnf install gcc",
        ),
        (
            "sys.version_info = (3, 9, 2)",
            "sudo apt install python3.11",
        ),
    ],
)
def test_what_is_missing_is_reported_in_one_line(checkout: Path, lack: str, reported: str) -> None:
    """The commands that install it on Debian, Ubuntu and Fedora are named; nothing is built."""
    run = make(checkout, "demo", PYTHON=fake_python(checkout, lack))
    assert run.returncode != 0
    first, *rest = run.stderr.splitlines()
    assert reported in first
    assert all(line.startswith("make:") for line in rest)
    assert not (checkout / ".venv").exists()


def test_everything_missing_is_reported_at_once(checkout: Path) -> None:
    """Package names have the version if the Python is not the system's."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    lack = (
        "import shutil, os.path; shutil.which = lambda name: None; os.path.exists = lambda path: False; "
        'sys.modules["venv"] = None'
    )
    run = make(checkout, "build", PYTHON=fake_python(checkout, lack, version), CC="gcc")
    line = run.stderr.splitlines()[0]
    assert all(missing in line for missing in ("venv module", "Python headers", "C compiler (gcc)"))
    assert f"Debian/Ubuntu: sudo apt install {version}-venv {version}-dev gcc libc6-dev " in line
    assert line.endswith(f"Fedora: sudo dnf install {version} {version}-devel gcc")


def test_no_python_at_all_is_reported_too(checkout: Path) -> None:
    """A PATH with all that make needs, and no Python."""
    tools = checkout / "tools"
    tools.mkdir()
    for tool in ("make", "sh", "find", "awk", "echo"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    run = make(checkout, "demo", PATH=str(tools))
    assert run.returncode != 0
    assert "sudo apt install python3 python3-venv python3-dev gcc" in run.stderr


def test_a_named_compiler_that_is_not_there_is_reported(checkout: Path) -> None:
    """The compiler of CC is checked."""
    run = make(checkout, "demo", PYTHON=sys.executable, CC="no-such-cc -O2")
    assert "a C compiler (no-such-cc)" in run.stderr.splitlines()[0]
