"""docs/improve/attack_paths.md: its costs are those of the code."""

from __future__ import annotations

import re

from sensor.posture.paths import costs
from sensor.posture.paths.costs import (
    ASSUMED_FAR,
    ASSUMED_NEAR,
    ATTACKED,
    GUESS,
    HELD,
    LIMIT,
    LISTEN,
    LURE,
    MUCH,
    OPEN,
    REACH,
    SESSION,
    UNKNOWN,
    URGENT,
    WEAK,
)
from sensor.posture.paths.paths import GOALS_LIMIT, PATHS_LIMIT
from tests.docs.pages import DOCS, text_of

PAGE = DOCS / "improve" / "attack_paths.md"
ROWS = [
    ("reach", REACH), ("reach", ASSUMED_NEAR + ASSUMED_FAR), ("take", OPEN), ("take", WEAK), ("take", LISTEN),
    ("take", "2 to 12"), ("take", GUESS),
    ("take", UNKNOWN), ("reach and take", HELD), ("reach and take", ATTACKED), ("reach and take", SESSION),
    ("reach and take", LURE),
]  # fmt: skip


def test_the_page_has_the_costs_of_the_code() -> None:
    """The page has a row for each cost, in the same order, and the limits."""
    table = text_of(PAGE).partition("## Cost of a step")[2].partition("\n## ")[0]
    assert re.findall(r"^\| ([a-z ]+) \| ([^|]+) \|", table, re.MULTILINE)[1:] == [
        (step, str(cost)) for step, cost in ROWS
    ]
    reported = " ".join(text_of(PAGE).split())
    limits = (
        f"costs {LIMIT} or more",
        f"costs at least {MUCH} more",
        f"of {URGENT:g} points",
        f"most {GOALS_LIMIT} goals",
        f"the {PATHS_LIMIT} cheapest",
    )
    for text in limits:
        assert text in reported


def test_the_docstring_has_them_too() -> None:
    """The docstring has the same numbers in the same order."""
    reported = re.findall(r"^(?:  (?:reach|take|at o\w+)| {5,}) +(\d+(?:–\d+)?)   ", costs.__doc__ or "", re.MULTILINE)
    assert reported == [str(cost).replace(" to ", "–") for _, cost in ROWS]
    assert f"costs {LIMIT} or more" in (costs.__doc__ or "")


def test_examples_add_up() -> None:
    """The cost of a path is the sum of its hops."""
    blocks = re.findall(r"^cost (\d+): .*\n((?: .*\n)+)", text_of(PAGE), re.MULTILINE)
    assert blocks
    for total, hops in blocks:
        assert sum(map(int, re.findall(r"  \+(\d+)$", hops, re.MULTILINE))) == int(total)
