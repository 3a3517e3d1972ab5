"""Benign traffic in the forms of evasions raises no alert of medium severity or higher that it does not raise as
recorded.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from tests import sampling
from tests.evasions.rewrites import EVASIONS, detected

RECORDINGS = sorted((Path(__file__).parents[2] / "pcaps/lab/benign").glob("*.pcap*"))
ALL = [(name, path) for name in EVASIONS for path in RECORDINGS]
SOME = sampling.some(ALL, 12, "evasions of benign traffic")
usual = functools.lru_cache(maxsize=None)(detected)


@pytest.mark.slow
@pytest.mark.parametrize(("evasion", "path"), SOME, ids=[f"{name}-{path.stem}" for name, path in SOME])
def test_no_form_raises_more(evasion: str, path: Path) -> None:
    """Whatever a mirror port or a network does to the frames."""
    assert detected(path, evasion, severe=True) <= usual(path, severe=True)
