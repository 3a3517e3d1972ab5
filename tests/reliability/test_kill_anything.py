"""kill -9 of any process on the path of an event, at random, while events are sent to every installed server; to three
of them, with fewer kills, unless the run is complete (longer: ``make soak``).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import sampling
from tests.reliability.destinations import MAKES, Destination, present
from tests.reliability.kill_stories import Killed, delivery_killed, writer_killed


def receivers(use: str) -> list[Destination]:
    return [MAKES[name]() for name in sampling.drawn(present(), 3, use)]


def check(killed: Killed, events: int) -> None:
    assert killed.events >= events
    for account in killed.accounts:
        account.check(exact=account.name in ("jetstream", "bulk", "postgresql"))


@pytest.mark.endurance
def test_who_makes_events_dies(tmp_path: Path) -> None:
    """All records of the log arrive everywhere, all durable ones are in the log, and exactly-once destinations have no
    duplicates.
    """
    kills, events = sampling.repeated(5, 2), sampling.repeated(3000, 1000)
    check(writer_killed(tmp_path, receivers("writers that die"), kills=kills, events=events), events)


@pytest.mark.endurance
def test_who_delivers_and_who_receives_die(tmp_path: Path) -> None:
    """All are killed at the same time, so that a batch may be anywhere; each destination gets all records in order."""
    check(
        delivery_killed(tmp_path, receivers("deliveries that die"), kills=sampling.repeated(3, 1)),
        sampling.repeated(500, 100),
    )
