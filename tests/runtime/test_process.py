"""Setup of the process: threads share one heap, so that memory that one of them freed is available to all."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import pytest

from sensor.cli.main import STARTING
from sensor.runtime import process
from sensor.runtime.process import engine_settings, serving

# malloc_stats(3) reports each heap.
THREADS = """
import ctypes, sys, threading
from sensor.runtime.process import give_back, one_heap
if sys.argv[1] == "one":
    one_heap()
together = threading.Barrier(4)
def task():
    together.wait()
    held = [bytes(50_000) for _ in range(200)]
    together.wait()
threads = [threading.Thread(target=task) for _ in range(4)]
for one in threads: one.start()
for one in threads: one.join()
give_back()
ctypes.CDLL(None).malloc_stats()
"""


def _heaps(how: str) -> int:
    return subprocess.run(
        [sys.executable, "-c", THREADS, how], capture_output=True, text=True, check=True
    ).stderr.count("Arena ")


@pytest.mark.skipif(sys.platform != "linux", reason="the C library's heaps are those of Linux")
def test_threads_share_one_heap() -> None:
    """Otherwise each thread has its own heap, and keeps its freed memory."""
    alone = _heaps("own")
    if alone < 2:
        pytest.skip("a C library without heaps for threads")
    assert _heaps("one") == 1


def test_frozen_objects_stay_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a run all objects are frozen, unless the program froze some itself: then these stay as they are."""
    was = gc.get_freeze_count()
    monkeypatch.setattr(process, "some_frozen", lambda: gc.get_freeze_count() > 0)
    gc.unfreeze()
    try:
        with engine_settings():
            assert gc.get_freeze_count() > 0
        assert gc.get_freeze_count() == 0
        gc.freeze()
        with engine_settings():
            pass
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        if was:
            gc.freeze()


class Request:
    """Refers to itself, as a request with a handled error does."""

    def __init__(self) -> None:
        self.itself = self


def _most_alive(requests: int) -> int:
    """The most requests that exist at the same time, of which each ends before the next begins."""
    alive: set[int] = set()
    most = 0
    for number in range(requests):
        weakref.finalize(Request(), alive.discard, number)
        alive.add(number)
        most = max(most, len(alive))
    return most


def test_garbage_of_requests_is_collected_while_serving() -> None:
    """At the thresholds of commands it is not: what twenty thousand requests left would still exist."""
    thresholds = gc.get_threshold()
    gc.set_threshold(*STARTING)
    try:
        assert _most_alive(20_000) == 20_000
        with serving():
            assert _most_alive(20_000) < 3_000
        assert gc.get_threshold() == STARTING
    finally:
        gc.set_threshold(*thresholds)
        gc.collect()
