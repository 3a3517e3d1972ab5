"""Throughput of a live log: records of ``maker.py`` are queued, numbered, encoded and written durably."""

from __future__ import annotations

import copy
import sys
import time
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from sensor.config import Retention
from sensor.core.record import encode
from sensor.eventlog.live_log import LiveLog
from tests.reliability.maker import records

COMMIT_MS = 200
# Switch interval of threads in a live run.
TURN_S = 0.0001
SOME = 1000


class Writing(NamedTuple):
    """``rate``: durable events a second; ``report_us``: time for the reporting thread; ``encode_us``: its part for JSON
    encoding; ``size``: bytes of a line.
    """

    rate: float
    report_us: float
    encode_us: float
    size: float


def written_down(folder: Path, events: int) -> Writing:
    """At full speed, with groups of the usual length."""
    given = [copy.copy(one) for one in islice(records(1), SOME)]
    began = time.perf_counter()
    for _ in range(events // SOME):
        for one in given:
            encode(one)
    encoding = time.perf_counter() - began
    log = LiveLog(folder / "events.jsonl", Retention(commit_ms=COMMIT_MS, memory_mib=256))
    turn = sys.getswitchinterval()
    sys.setswitchinterval(TURN_S)
    try:
        began = time.perf_counter()
        for _ in range(events // SOME):
            for one in given:
                log.write(one)
        reporting = time.perf_counter() - began
        assert log.sync(60)
        seconds = time.perf_counter() - began
    finally:
        sys.setswitchinterval(turn)
        log.close()
    assert log.written == events
    assert not log.lost
    return Writing(
        events / seconds,
        reporting / events * 1e6,
        encoding / events * 1e6,
        sum(len(encode(one)) for one in given) / SOME,
    )
