"""The table of docs/understand/evasions.md: each evasion, and the detectors that miss attacks because of it."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from tests import sampling
from tests.evasions.rewrites import EVASIONS, detected

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/understand/evasions.md"
RECORDINGS = sorted((ROOT / "pcaps/lab/attacks").glob("*.pcap*"))
LEAST_EVASIONS, LEAST_DETECTORS = 25, 20


def table() -> dict[str, frozenset[str]]:
    """Evasion → detectors that the page lists as missing attacks."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text("utf-8").splitlines()
        if line.startswith("| ")
    ]
    missing = {row[0]: row[2].split(",") for row in rows if len(row) == 3 and row[0] != "evasion"}
    return {
        name: frozenset(part.strip("` ") for part in parts if part.strip("` ") != "-")
        for name, parts in missing.items()
    }


MISSED = table()
ALL = [(name, path) for name in EVASIONS for path in RECORDINGS]
SOME = sampling.some(ALL, 16, "evasions")
# Two tests compare the same replays.
found = functools.lru_cache(maxsize=None)(detected)


def test_the_page_lists_all_evasions() -> None:
    """The page lists exactly the evasions, in their order."""
    assert list(MISSED) == list(EVASIONS)
    assert len(EVASIONS) >= LEAST_EVASIONS


@pytest.mark.slow
@pytest.mark.parametrize(("evasion", "path"), SOME, ids=[f"{name}-{path.stem}" for name, path in SOME])
def test_attacks_are_detected_all_the_same(evasion: str, path: Path) -> None:
    """The same detectors report the same actors, except those that the page lists."""
    lost = {detector for detector, _ in found(path) - found(path, evasion)}
    assert lost <= MISSED[evasion]


@pytest.mark.slow
@pytest.mark.skipif(not sampling.WHOLE, reason="takes all recordings: make test-all")
def test_the_recordings_are_of_many_detectors() -> None:
    """The captures cover the required number of detectors."""
    assert len({detector for path in RECORDINGS for detector, _ in found(path)}) >= LEAST_DETECTORS


@pytest.mark.slow
@pytest.mark.skipif(not sampling.WHOLE, reason="takes all recordings: make test-all")
@pytest.mark.parametrize("evasion", [name for name, missed in MISSED.items() if missed])
def test_the_page_lists_no_more_than_is_missed(evasion: str) -> None:
    """A detector that handles an evasion is not in its row."""
    lost = {detector for path in RECORDINGS for detector, _ in found(path) - found(path, evasion)}
    assert lost == MISSED[evasion]
