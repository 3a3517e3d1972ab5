"""Scenarios of a receiver that is down while events are written, and the throughput of a backlog afterwards."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from sensor.delivery.forwarder import last_number
from sensor.delivery.position import load_position
from sensor.eventlog.segments import cursors_of
from tests.reliability.destinations import Destination
from tests.reliability.harness import Account, Forward, Maker, account, forget_most, serving, until, used, written
from tests.reliability.maker import opened, records

DRAIN_S = 300
# Before memory is measured: a short run with a short outage, so that error paths are loaded.
WARM_UP = 2000
ALERT_LIFE = 99


class Outage(NamedTuple):
    """``rate``: events a second during the backlog; ``more_mb``: growth of the peak memory of `sensor forward`;
    ``alert_s``: delay of an alert that was raised during the backlog, and ``behind`` the size of the backlog when it
    arrived.
    """

    account: Account
    rate: float
    more_mb: float
    alert_s: float
    behind: int


def receiver_away(folder: Path, to: Destination, events: int) -> Outage:
    """The receiver is killed, this many events are written, it restarts, and an alert is raised during the backlog."""
    log = folder / "events.jsonl"
    maker, forward = Maker(log), Forward(log, [to])
    with serving([to]), forward:
        maker.make(WARM_UP // 2)
        forward.wait(WARM_UP // 2)
        to.server.kill()
        maker.make(WARM_UP // 2)
        assert until(lambda: bool(forward.status(to.name).error), DRAIN_S)
        to.server.start()
        forward.wait(WARM_UP)
        before = used(forward.pid).mb
        forget_most(forward.pid)
        to.server.kill()
        maker.make(events)
        to.server.start()
        last = WARM_UP + events
        assert until(lambda: forward.at(to.name) > WARM_UP, DRAIN_S), forward.output.read_text()
        began, first = time.monotonic(), forward.at(to.name)
        alert_s, behind = _alert(log, forward, to)
        forward.wait(last, DRAIN_S)
        rate = (last - first) / (time.monotonic() - began)
        forward.wait(last + 1)
        more = used(forward.pid).most_mb - before
        done = account(written(log), to)
    return Outage(done, rate, more, alert_s, behind)


def drained(folder: Path, to: Destination, events: int) -> float:
    """Events a second to one output, from its first batch to the last: read, formatted, sent, acknowledged, cursor
    stored.
    """
    log = folder / "events.jsonl"
    with serving([to]):
        Maker(log).make(events)
        with Forward(log, [to]) as forward:
            assert until(lambda: forward.at(to.name) > 0, DRAIN_S), forward.output.read_text()
            began, first = time.monotonic(), forward.at(to.name)
            forward.wait(events, DRAIN_S)
            rate = (events - first) / (time.monotonic() - began)
        account(written(log), to).check(exact=to.exact)
    return rate


def _alert(log: Path, forward: Forward, to: Destination) -> tuple[float, int]:
    """Raise an alert; seconds until the destination acknowledged it, and the remaining backlog at that time."""
    alert = next(one for one in records(ALERT_LIFE) if one.kind == "alert")
    writer = opened(log)
    writer.write(alert)
    began = time.monotonic()
    assert writer.sync()
    writer.close()
    number = last_number(log)
    assert until(lambda: _alerts_at(forward, to) >= number, DRAIN_S)
    return time.monotonic() - began, number - forward.at(to.name)


def _alerts_at(forward: Forward, to: Destination) -> int:
    """The last number up to which all alerts are processed."""
    position = load_position(cursors_of(forward.log) / f"{to.name}.json")
    return position.alerts if position is not None else 0
