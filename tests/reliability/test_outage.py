"""A receiver that is away while many events are made, and a backlog that goes to one output (the long way: ``make
soak``). Where the run is no whole one, to one receiver each (tests/sampling.py).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import sampling
from tests.reliability.destinations import MAKES, MISSING, Destination
from tests.reliability.outage_stories import drained, receiver_away

EVENTS = 10_000


def made(name: str) -> Destination:
    if MISSING.get(name):
        pytest.skip(MISSING[name])
    return MAKES[name]()


@pytest.mark.parametrize("name", sampling.drawn(["http", "jetstream", "kafka"], 1, "receivers that are away"))
def test_a_receiver_that_is_away(tmp_path: Path, name: str) -> None:
    """Nothing is lost, memory does not grow with what waits, and a new alert goes ahead of it: it comes soon, or, where
    the machine is busy, before the rest.
    """
    to = made(name)
    outage = receiver_away(tmp_path, to, EVENTS)
    outage.account.check(exact=to.exact)
    assert outage.more_mb <= 20
    assert outage.alert_s <= 5 or outage.behind > 0


@pytest.mark.parametrize("name", sampling.drawn(["bulk", "postgresql", "rsyslog"], 1, "backlogs"))
def test_a_backlog_arrives_whole(tmp_path: Path, name: str) -> None:
    """End to end: what a log holds, to one output. How fast is a figure of ``make soak``."""
    assert drained(tmp_path, made(name), EVENTS) > 0
