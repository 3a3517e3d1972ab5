"""Coverage of sensor/ by the tests, and the files below FLOOR with their reasons. ``make coverage`` calls it.

python -m tests.coverage_gaps [FILE]

FILE is the output of `coverage json`. Files without any covered line are counted, not listed: in a run of some tests
they are the majority.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.coverage_reasons import REASONS

WRITTEN = Path("build/coverage/coverage.json")
# Percent of lines and branches together, as coverage counts them.
FLOOR = 85.0
MISSING = "add tests, or a reason to tests/coverage_reasons.py"


def below(files: Mapping[str, Any]) -> dict[str, float]:
    """Files below the floor with their coverage in percent, lowest first; empty files have no gap."""
    covered = {name: one["summary"] for name, one in files.items() if one["summary"]["num_statements"]}
    low = {name: one["percent_covered"] for name, one in covered.items() if one["percent_covered"] < FLOOR}
    return dict(sorted(low.items(), key=lambda one: (one[1], one[0])))


def lines(reported: Mapping[str, Any]) -> list[str]:
    """The printed lines of a report."""
    totals, low = reported["totals"], below(reported["files"])
    ran = totals["covered_lines"] / max(totals["num_statements"], 1)
    branches = totals["covered_branches"] / max(totals["num_branches"], 1)
    return [
        *(f"{percent:5.1f} % {name}: {REASONS.get(name, MISSING)}" for name, percent in low.items() if percent),
        f"{sum(not percent for percent in low.values())} files of which nothing was run",
        f"{ran:.1%} of the lines, {branches:.1%} of the branches of {len(reported['files'])} files",
    ]


if __name__ == "__main__":
    print(*lines(json.loads(Path((*sys.argv[1:], WRITTEN)[0]).read_text(encoding="utf-8"))), sep="\n")
