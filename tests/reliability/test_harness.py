"""The account itself: how it counts lost, repeated, unexpected or overtaken records."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.outputs.servers_base import Server
from tests.reliability.destinations import Arrival, Destination
from tests.reliability.harness import account

LOG = [Arrival(seq, f"id{seq}", "alert" if seq % 5 == 0 else "device", "2026-11-24T10:00:00Z") for seq in range(1, 21)]
ALERTS = [one for one in LOG if one.kind == "alert"]
OTHERS = [one for one in LOG if one.kind != "alert"]


@pytest.mark.parametrize(
    ("arrived", "found"),
    [
        ([LOG], (0, 0, 0, 0, 0, 0)),
        ([LOG[:10], LOG[10:]], (0, 0, 0, 0, 0, 0)),
        ([ALERTS + OTHERS], (0, 0, 0, 0, 0, 0)),  # alerts precede a backlog
        ([LOG[:12] + LOG[8:]], (0, 0, 4, 4, 0, 0)),  # a batch that was sent again
        ([LOG[:7] + LOG[8:]], (0, 1, 0, 0, 0, 0)),
        ([[*LOG[:6], LOG[8], LOG[7], LOG[6], *LOG[9:]]], (0, 0, 0, 0, 0, 2)),
        ([[*LOG, LOG[3]._replace(seq=77)]], (0, 0, 0, 1, 1, 0)),
        ([[*LOG, LOG[3]._replace(id="another")]], (0, 0, 0, 0, 1, 1)),
    ],
)
def test_what_it_reports(tmp_path: Path, arrived: list[list[Arrival]], found: tuple[int, ...]) -> None:
    """Records repeated by the sensor, lost, repeated, double, unexpected, overtaken are counted."""
    to = Destination("one", Server(), exact=True, options={}, arrived=lambda: arrived)
    to.server.close()
    reported = account(LOG, to)
    assert reported[2:] == found
    if any(found):
        with pytest.raises(AssertionError):
            reported.check(exact=True)


def test_what_the_log_itself_has_again(tmp_path: Path) -> None:
    """A record logged twice under its id is one record: neither a destination that drops one nor one that keeps both
    has a fault.
    """
    again = [*LOG, LOG[2]._replace(seq=21)]
    for arrived, found in ((LOG, (1, 0, 0, 0, 0, 0)), (again, (1, 0, 0, 1, 0, 0))):
        to = Destination("one", Server(), exact=True, options={}, arrived=lambda arrived=arrived: [arrived])
        to.server.close()
        assert account(again, to)[2:] == found
