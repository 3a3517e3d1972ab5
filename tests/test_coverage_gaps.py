"""The output of `make coverage`, for a real report of real runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.coverage_gaps import MISSING
from tests.coverage_reasons import REASONS

MODULE = "def half(x):\n    if x:\n        return 1\n    y = x\n    return y\n"


def test_files_below_the_floor_are_listed(tmp_path: Path, root: Path) -> None:
    """One file covered, one partly, one not at all, one empty."""
    package = tmp_path / "made"
    package.mkdir()
    for name in ("whole", "part", "never"):
        (package / f"{name}.py").write_text(MODULE)
    (package / "__init__.py").write_text("")
    (tmp_path / "go.py").write_text(
        "from made import part, whole\npart.half(1), whole.half(0), whole.half(1)\n", encoding="utf-8"
    )
    coverage = [sys.executable, "-m", "coverage"]
    for words in (["run", "--branch", "--source=made", "go.py"], ["json", "-o", "told.json"]):
        subprocess.run([*coverage, *words, "--rcfile=/dev/null"], cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-m", "tests.coverage_gaps", str(tmp_path / "told.json")],
        cwd=root, check=True, capture_output=True, text=True,
    )  # fmt: skip
    files = json.loads((tmp_path / "told.json").read_text())["files"]
    assert len(files) == 4
    part = files["made/part.py"]["summary"]["percent_covered"]
    first, *others = done.stdout.splitlines()
    assert first == f"{part:5.1f} % made/part.py: {MISSING}"
    assert [re.findall(r"[\d.]+%?", line) for line in others] == [["1"], ["53.3%", "50.0%", "4"]]


def test_each_reason_is_that_of_a_file(root: Path) -> None:
    assert REASONS
    assert [name for name, reason in REASONS.items() if not reason or not (root / name).is_file()] == []
