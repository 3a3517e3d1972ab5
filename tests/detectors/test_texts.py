"""Texts of each detection: titles as in ``golden/titles.txt``, short noun phrases; advice in complete sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.config import detector_units
from sensor.core.attack import TECHNIQUES
from sensor.core.detector import Detector

UNITS = detector_units()
TITLES = Path(__file__).parent / "golden" / "titles.txt"
TITLE_LIMIT = 60


def test_titles_are_those_of_the_golden_file() -> None:
    """The golden file has one line for each detection id, the only copy of its title."""
    assert TITLES.read_text(encoding="utf-8").splitlines() == [
        f"{name}\t{unit.title}" for name, unit in sorted(UNITS.items())
    ]


def test_titles_are_unique() -> None:
    assert len({unit.title.lower() for unit in UNITS.values()}) == len(UNITS)


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS.keys())
def test_a_title_is_a_short_phrase_and_advice_is_sentences(unit: type[Detector]) -> None:
    assert len(unit.title) <= TITLE_LIMIT
    assert unit.title[0].isupper()
    assert not unit.title.endswith((".", "!", "?"))
    for text in (unit.advice, unit.false_positives):
        assert text.endswith(".")
        assert text[0].isupper()


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS.keys())
def test_sub_techniques_come_before_their_technique(unit: type[Detector]) -> None:
    """Sub-techniques precede their technique, except for the first one; each is valid and listed once."""
    assert set(unit.techniques) <= TECHNIQUES.keys()
    assert len(set(unit.techniques)) == len(unit.techniques)
    following = unit.techniques[1:]
    assert [one for n, one in enumerate(following) for later in following[n + 1 :] if later.startswith(f"{one}.")] == []
