"""kill -9 of `sensor run` on a real interface (more often: ``make soak``)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.reliability.destinations import http
from tests.reliability.run_stories import sensor_killed

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(shutil.which("tcpreplay") is None, reason="tcpreplay is not installed"),
]


def test_the_sensor_dies(tmp_path: Path) -> None:
    """The sensor captures again, its numbers continue without a gap, and all records of the log arrive."""
    runs = sensor_killed(tmp_path, http(), 1)
    runs.account.check(exact=False)
    assert runs.events > 10
    assert len(runs.back_s) == 1
