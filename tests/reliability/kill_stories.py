"""Kill -9 scenarios of any length: the process that writes events, `sensor forward` and servers are killed, and finally
all records are at their destinations.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.reliability.destinations import Destination
from tests.reliability.harness import Account, Forward, Maker, account, killings, serving, until, with_threads, written

FIRST_S, DRAIN_S = 30, 300


class Killed(NamedTuple):
    """``events``: final number in the log; ``accounts``: of each destination; ``seconds``: total duration."""

    kills: int
    events: int
    seconds: float
    accounts: list[Account]


def writer_killed(
    folder: Path, destinations: Sequence[Destination], kills: int, events: int, *, rate: float = 2000
) -> Killed:
    """The writer is killed at random and restarted at once; it writes at least this many events."""
    log, chance, began = folder / "events.jsonl", random.Random(1), time.monotonic()
    maker, forward = Maker(log, rate=rate), Forward(log, destinations)
    with serving(destinations), maker, forward:
        for _ in range(kills):
            assert until(lambda: maker.runs[-1] > 0, FIRST_S), maker.output.read_text()
            time.sleep(chance.uniform(0, 2 * events / kills / rate))
            maker.kill()
            maker.start()
        maker.kill()
        left = events - len(written(log))
        if left > 0:
            maker.make(left)
        made = written(log)
        forward.wait(len(made), DRAIN_S)
        assert {one.id for one in made} >= maker.promised
        assert len({one.id for one in made}) == len(made)
        accounts = [account(made, one) for one in destinations]
    return Killed(kills, len(made), time.monotonic() - began, accounts)


def delivery_killed(
    folder: Path, destinations: Sequence[Destination], kills: int, *, rate: float = 500, within_s: float = 1
) -> Killed:
    """`sensor forward` and each server are killed this often, alone and all at once, while events are written."""
    log, began = folder / "events.jsonl", time.monotonic()
    maker, forward = Maker(log, rate=rate), Forward(log, destinations)
    with serving(destinations), maker, forward:
        forward.wait(1)
        victims = [forward, *[one.server for one in destinations]]
        with_threads([killings(victim, kills, within_s, random.Random(place)) for place, victim in enumerate(victims)])
        maker.kill()
        made = written(log)
        forward.wait(len(made), DRAIN_S)
        accounts = [account(made, one) for one in destinations]
    return Killed(kills, len(made), time.monotonic() - began, accounts)
