"""kill -9 of whatever takes part in the way of an event, at random, while events flow to everything we can start here
(the long way: ``make soak``).
"""

from __future__ import annotations

from pathlib import Path

from tests.reliability.destinations import MAKES, present
from tests.reliability.kill_stories import Killed, delivery_killed, writer_killed


def check(killed: Killed, events: int) -> None:
    assert killed.events >= events
    for account in killed.accounts:
        account.check(exact=account.name in ("jetstream", "bulk", "postgresql"))


def test_who_makes_events_dies(tmp_path: Path) -> None:
    """All that is in the log arrives everywhere, all that was said to be down is in the log, and nothing is twice where
    that was promised.
    """
    check(writer_killed(tmp_path, [MAKES[name]() for name in present()], kills=5, events=3000), 3000)


def test_who_delivers_and_who_receives_die(tmp_path: Path) -> None:
    """At the same time, so that a batch may be anywhere; each destination gets all of it in order."""
    check(delivery_killed(tmp_path, [MAKES[name]() for name in present()], kills=3), 500)
