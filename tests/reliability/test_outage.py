"""A receiver that is down while many events are written, and a backlog for one output (longer: ``make soak``). Unless
the run is complete, one receiver each (tests/sampling.py).
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
    """Nothing is lost, memory does not grow with the backlog, and a new alert overtakes it: it arrives soon, or, where
    the machine is busy, before the rest.
    """
    to = made(name)
    outage = receiver_away(tmp_path, to, EVENTS)
    outage.account.check(exact=to.exact)
    assert outage.more_mb <= 20
    assert outage.alert_s <= 5 or outage.behind > 0


@pytest.mark.parametrize("name", sampling.drawn(["bulk", "postgresql", "rsyslog"], 1, "backlogs"))
def test_a_backlog_arrives_whole(tmp_path: Path, name: str) -> None:
    """One output delivers all records of a log. The throughput is a figure of ``make soak``."""
    assert drained(tmp_path, made(name), EVENTS) > 0
