"""kill -9 of whatever takes part in the way of an event, at random, while events flow to everything we can start here;
to three of them, with fewer kills, where the run is no whole one (the long way: ``make soak``).
"""

from __future__ import annotations

from pathlib import Path

from tests import sampling
from tests.reliability.destinations import MAKES, Destination, present
from tests.reliability.kill_stories import Killed, delivery_killed, writer_killed


def receivers(use: str) -> list[Destination]:
    return [MAKES[name]() for name in sampling.drawn(present(), 3, use)]


def check(killed: Killed, events: int) -> None:
    assert killed.events >= events
    for account in killed.accounts:
        account.check(exact=account.name in ("jetstream", "bulk", "postgresql"))


def test_who_makes_events_dies(tmp_path: Path) -> None:
    """All that is in the log arrives everywhere, all that was said to be down is in the log, and nothing is twice where
    that was promised.
    """
    kills, events = sampling.count(5, 2), sampling.count(3000, 1000)
    check(writer_killed(tmp_path, receivers("writers that die"), kills=kills, events=events), events)


def test_who_delivers_and_who_receives_die(tmp_path: Path) -> None:
    """At the same time, so that a batch may be anywhere; each destination gets all of it in order."""
    check(
        delivery_killed(tmp_path, receivers("deliveries that die"), kills=sampling.count(3, 1)),
        sampling.count(500, 100),
    )
