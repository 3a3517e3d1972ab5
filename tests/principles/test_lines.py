"""Lines have at most 120 columns (ruff); where texts are still to be split, at most 160, and such a room is left once it
has none of them any more.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXCEPTED = [
    *(
        ROOT / "sensor" / room
        for room in re.search(r'"sensor/\{([\w,]+)\}/\*\*" = \["E501"\]', (ROOT / "pyproject.toml").read_text())[
            1
        ].split(",")
    ),
    ROOT / "sensor" / "inventory" / "store",
    ROOT / "tests",
]
LONG = 120


def longest(room: Path) -> int:
    """Without pragmas and lines of one piece (regular expressions), which ruff does not count either."""
    lines = (line for path in room.rglob("*.py") for line in path.read_text(encoding="utf-8").splitlines())
    return max(len(re.sub(r"  # (noqa|type:).*", "", line)) for line in lines if " " in line.strip())


@pytest.mark.parametrize("room", EXCEPTED, ids=lambda room: str(room.relative_to(ROOT)))
def test_a_room_that_is_excepted_needs_it_and_has_no_line_over_160(room: Path) -> None:
    assert LONG < longest(room) <= 160
