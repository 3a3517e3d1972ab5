"""Detection does not depend on speed: an attack in a twentieth or a two-hundredth of its time, or within a flood, is
reported as at its original speed.

SENSOR_SPEED contains files or folders of more captures, separated by colons.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest

from tests import sampling
from tests.speed.replays import Detected, detected

pytestmark = pytest.mark.slow
ATTACKS = sorted((Path(__file__).parents[2] / "pcaps/lab/attacks").glob("*.pcap*"))
GIVEN = [Path(path) for path in os.environ.get("SENSOR_SPEED", "").split(":") if path]
MORE = [path for given in GIVEN for path in (sorted(given.rglob("*.*cap*")) if given.is_dir() else [given])]
SOME = [*sampling.some(ATTACKS, 6, "speed"), *MORE]
FLOOD = "impact.flood"
# Recognized by intervals between messages, which are seconds long whatever the pool: not the same behavior when faster.
RHYTHMS = {"mining_tls.pcap": {("command_and_control.mining", "10.20.10.66")}}

captures = pytest.mark.parametrize("path", SOME, ids=[path.name for path in SOME])
at_its_own_pace = functools.lru_cache(detected)


def test_captures_are_attacks() -> None:
    """Almost all captures have detections at their original speed."""
    assert sum(bool(at_its_own_pace(path)) for path in SOME) > len(SOME) // 2


@captures
@pytest.mark.parametrize("speed", [20, 200])
def test_fast_attacks_are_reported(path: Path, speed: int) -> None:
    """The detections and actors are the same, apart from those by rhythm."""
    assert detected(path, speed) == at_its_own_pace(path) - RHYTHMS.get(path.name, set())


@captures
def test_attacks_beside_a_flood_are_reported(path: Path) -> None:
    """The detections and actors are the same, apart from those of the flood."""
    assert _without_flood(detected(path, flooded=True)) == _without_flood(at_its_own_pace(path))


def _without_flood(found: Detected) -> Detected:
    return frozenset(one for one in found if one[0] != FLOOD)
