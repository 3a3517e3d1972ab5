"""Process settings for long runs: GIL, garbage collection, and the memory of large tables."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import sys
from collections.abc import Iterator, Mapping

HANDOVER_S = 0.0001
GARBAGE = (200_000, 20, 50)
# Allocations between two collections in a process that answers requests: all objects every few minutes.
SERVING = (2_000, 10, 10)
# Parameters of mallopt(3), and bytes: size from which on an allocation is a separate mapping, for tables and for
# others; amount of free memory that is kept. The last two are values that the C library would reach by itself. A single
# arena: threads alternate anyway, and each would keep its free memory (a tenth of the total).
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
TABLE, USUAL, KEPT = 64 << 10, 32 << 20, 64 << 20


@contextlib.contextmanager
def engine_settings() -> Iterator[None]:
    """Within this context, the GIL is released quickly, because the kernels' thread needs it rarely and briefly, and
    garbage is collected rarely.

    The sensor creates few reference cycles, and the objects of the inventory would be traversed repeatedly. Objects
    that were frozen before stay frozen.
    """
    interval, thresholds, frozen = sys.getswitchinterval(), gc.get_threshold(), some_frozen()
    if not frozen:
        gc.freeze()
    sys.setswitchinterval(HANDOVER_S)
    gc.set_threshold(*GARBAGE)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)
        if not frozen:
            gc.unfreeze()


@contextlib.contextmanager
def serving(thresholds: tuple[int, int, int] = SERVING) -> Iterator[None]:
    """Within this context, threads share one arena, and garbage is collected often, or at other ``thresholds``.

    Each request leaves some hundred objects in reference cycles. At the thresholds of commands, which end before they
    matter, they would fill a hundred MB before they are first collected. Objects that exist at the begin are frozen:
    no collection traverses them. Objects that were frozen before stay frozen.
    """
    before, frozen = gc.get_threshold(), some_frozen()
    one_heap()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*thresholds)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if not frozen:
            gc.unfreeze()


@contextlib.contextmanager
def large_tables() -> Iterator[None]:
    """Within this context, each large table is a separate mapping: its unused part costs nothing, and it is returned as
    a whole.

    Otherwise the C library would adapt to the first freed table: it would keep its memory, and write zeros over all of
    it for the next.
    """
    _allocate(TABLE)
    try:
        yield
    finally:
        _allocate(USUAL)


def give_back() -> None:
    """Return free memory to the system: each thread keeps memory that it needed for a single large task. Takes some
    ms.
    """
    trim = getattr(_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)


def some_frozen() -> bool:
    """Whether the program froze objects. Python counts them one by one: 50 ns each."""
    return gc.get_freeze_count() > 0


def one_heap() -> None:
    """Let threads that start from now on share one arena; those that started before would share theirs with them."""
    _tune({M_ARENA_MAX: 1})


def _allocate(apart: int) -> None:
    """Allocate memory of ``apart`` bytes and more as separate mappings."""
    _tune({M_MMAP_THRESHOLD: apart, M_TRIM_THRESHOLD: KEPT, M_ARENA_MAX: 1})


def _tune(parameters: Mapping[int, int]) -> None:
    """Set mallopt parameters, if the C library is GNU's."""
    mallopt = getattr(_library(), "mallopt", None)
    if mallopt is not None:
        for name, value in parameters.items():
            mallopt(name, value)


@functools.cache
def _library() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform == "linux" else None
