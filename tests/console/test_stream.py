"""Streams of changes: the first change is reported at once, and a log that grows all the time does not reload pages all
the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest

from sensor.console import stream

START = 1000.0
CHANGED = b"event: changed\ndata: {}\n\n"


class Clock:
    """A clock that only the streams move; the log grows at chosen seconds."""

    def __init__(self, log: Path, grows: set[int]) -> None:
        self.now, self._log, self._grows = START, log, grows

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        if int(self.now - START) in self._grows:
            with self._log.open("ab") as file:
                file.write(b"{}\n")
        await asyncio.sleep(0)


async def times_of(events: AsyncIterator[bytes], clock: Clock, until: float) -> list[tuple[float, bytes]]:
    """The events with their time, until the first one after ``until``."""
    found: list[tuple[float, bytes]] = []
    async for event in events:
        found.append((clock.now - START, event))
        if clock.now - START > until:
            return found
    return found


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Times of notifications, or of another event, about a log that grows at some seconds."""

    def run(grows: set[int], until: float, wanted: bytes = CHANGED) -> list[float]:
        log = tmp_path / "events.jsonl"
        log.write_bytes(b"{}\n")
        clock = Clock(log, grows)
        monkeypatch.setattr(stream, "anyio", SimpleNamespace(sleep=clock.sleep, Lock=anyio.Lock))
        monkeypatch.setattr(stream, "time", clock)
        monkeypatch.setattr(stream, "_LOOKS", stream._LogPolls())
        events = asyncio.run(times_of(stream.changes(log), clock, until))
        assert events[0] == (0.0, b"retry: 5000\n\n")
        return [when for when, event in events if event == wanted]

    return run


def test_a_single_change_is_reported_within_a_second(reported) -> None:
    assert reported({7}, 20) == [7.0]


def test_a_log_that_always_grows_is_reported_every_few_seconds(reported) -> None:
    found = reported(set(range(1, 60)), 30)
    assert found[:3] == [1.0, 6.0, 11.0]


def test_a_change_during_the_pause_is_reported_after_it(reported) -> None:
    assert reported({3, 4}, 20) == [3.0, 8.0]


def test_a_quiet_log_keeps_the_connection(reported) -> None:
    assert reported(set(), 40) == []
    assert reported(set(), 40, b": still here\n\n") == [15.0, 30.0, 45.0]
