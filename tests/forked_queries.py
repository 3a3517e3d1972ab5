"""Processes of queries are forked, for modules or folders of tests that import this fixture. Each query of traffic
records starts a process: Python and DuckDB take 0.2 seconds of CPU time, its fork a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sensor.records import confined
from tests.forked import Forking


@pytest.fixture(scope="module", autouse=True)
def forked_queries() -> Iterator[None]:
    """Also in programs that are forked meanwhile: consoles, sensors that serve hunts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(confined, "subprocess", Forking())
        yield
