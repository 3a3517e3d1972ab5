"""Housekeeping of a worker: its steps are independent of each other."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import psycopg
import pytest

from sensor.hub import housekeeping
from sensor.hub.database import Connection
from sensor.hub.housekeeping import Housekeeping
from tests.hub.hub_kit import HubServers


@pytest.mark.parametrize(("fault", "reports"), [(psycopg.DataError, 2), (RecursionError, 1)])
def test_a_step_that_fails_is_reported_and_the_others_are_carried_out(
    servers: HubServers,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: type[Exception],
    reports: int,
) -> None:
    """The database refuses data of one step, or the step has an internal error, which is reported once; entities, which
    are last, are identified in each turn.
    """
    turns = list[Connection]()

    async def run() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()

        def refused(*_: object) -> NoReturn:
            raise fault

        def last(base: Connection) -> None:
            turns.append(base)
            if len(turns) == 2:
                loop.call_soon_threadsafe(stop.set)

        monkeypatch.setattr(housekeeping, "EVERY_S", 0.01)
        monkeypatch.setattr(housekeeping, "relist", refused)
        monkeypatch.setattr(housekeeping, "identify", last)
        await asyncio.wait_for(Housekeeping(servers.hub).run(stop), 60)

    asyncio.run(run())
    assert len(turns) == 2
    assert capsys.readouterr().err.count(f"error={fault.__name__}") == reports
