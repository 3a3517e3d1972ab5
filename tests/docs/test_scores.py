"""docs/improve/scores.md: its formula is that of the code."""

from __future__ import annotations

import math
import re

import pytest

from sensor.posture.scores import exposure
from sensor.posture.scores.causes import NO_ATTACK, SILENT
from sensor.posture.scores.exposure import (
    ACTOR,
    BANDS,
    CRITICALITY,
    MORE,
    REACH,
    REASONS,
    SPREAD,
    TARGET,
    UNKNOWN,
    WORST,
    combined,
)
from sensor.posture.scores.trend import SEGMENTS_LIMIT
from sensor.posture.weakness import SETTING_POINTS
from tests.docs.pages import DOCS, text_of

ROWS = [
    *(f"| {band} | {least:g} |" for least, band in BANDS),
    f"| weaknesses | points of the worst weakness; all others together add at most {MORE:.0%} of the remainder |",
    (
        f"| attack | {ACTOR:.0%} of the risk of the most severe alert with the device as actor, "
        f"{TARGET:.0%} as target; all others add as above |"
    ),
    f"| reach | {', '.join(f'{points:g} {REASONS[way]}' for way, points in REACH.items())} |",
    f"| unknown | {UNKNOWN:g} unknown type, {UNKNOWN:g} unknown firmware |",
    (
        f"| criticality | {CRITICALITY['critical']:.0%} of the points so far for a device of critical "
        f"importance, {CRITICALITY['high']:.0%} for high |"
    ),
]
SENTENCES = [
    (
        f"with {', '.join(f'{points:g}' for points in list(SETTING_POINTS.values())[:-1])} or "
        f"{list(SETTING_POINTS.values())[-1]:g} points by severity"
    ),
    f"add {MORE:.0%} × (1 − e^(−r/{exposure.MANY:g})) of the remainder to 100",
    f"fifty weaknesses of 10 points give {combined([10.0] * 50):.0f}",
    f"({', '.join(f'`{room}*`' for room in NO_ATTACK)})",
    f"until {SILENT.days} days without repetition",
    f"{WORST:.0%} of the score of the worst device, and {SPREAD:.0%} of the mean of the worst tenth of the devices",
    f"with one device of {math.ceil(BANDS[0][0] / WORST)} points, the band of the group is high",
    f"the {SEGMENTS_LIMIT} worst segments",
]


@pytest.mark.parametrize(
    "text", [*(row.replace("%", " %") for row in ROWS), *(one.replace("%", " %") for one in SENTENCES)]
)
def test_the_page_has_the_constants_of_the_code(text: str) -> None:
    """Each constant is on the page where it is explained."""
    assert text in " ".join(text_of(DOCS / "improve" / "scores.md").split())


def test_the_docstring_has_them_too() -> None:
    """The docstring has the same formula."""
    reported = " ".join((exposure.__doc__ or "").split())
    for value in (
        f"{MORE:.0%}",
        f"{ACTOR:.0%}",
        f"{TARGET:.0%}",
        *(f"{points:.0%}" for points in CRITICALITY.values()),
        f"{WORST:.0%}",
        f"{SPREAD:.0%}",
    ):
        assert value.replace("%", " %") in reported
    for reach, meaning in (("outside", "reachable"), ("talks", "internet access"), ("beside", "workstations")):
        assert f"{REACH[reach]:g} {meaning}" in reported


def test_examples_add_up() -> None:
    """The score of a device and of a site is the sum of the terms below it."""
    blocks = re.findall(
        r": (\d+\.\d) of 100.*\n  adds  value\n((?: +\d+\.\d  .*\n)+)", text_of(DOCS / "improve" / "scores.md")
    )
    assert len(blocks) == 2
    for total, terms in blocks:
        assert round(sum(map(float, re.findall(r"^ +(\d+\.\d)", terms, re.MULTILINE))), 1) == float(total)
