"""How the process is set up for a long life: the interpreter's lock, garbage, and the memory of large tables."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import sys
from collections.abc import Iterator, Mapping

HANDOVER_S = 0.0001
GARBAGE = (200_000, 20, 50)
# Parameters of mallopt(3), and bytes: from which size on memory is a mapping of its own, for tables and for all else;
# how much that is free is kept. The last two are what the C library would come to by itself. One heap: threads take
# turns anyway, and each would keep what is free in its own (a tenth of all memory).
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
TABLE, USUAL, KEPT = 64 << 10, 32 << 20, 64 << 20


@contextlib.contextmanager
def unhurried() -> Iterator[None]:
    """Within, the interpreter hands its lock over quickly, for the kernels' thread needs it rarely and briefly, and
    looks for garbage rarely.

    We make no reference cycles worth the name, and what the inventory holds would be walked again and again.
    """
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    gc.freeze()
    sys.setswitchinterval(HANDOVER_S)
    gc.set_threshold(*GARBAGE)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


@contextlib.contextmanager
def large_tables() -> Iterator[None]:
    """Within, each large table gets memory of its own from the system: what is not used of it costs nothing, and it
    goes back as a whole.

    The C library would learn from the first table that is let go to keep its memory, and to write zeros over all of it
    for the next.
    """
    _allocate(TABLE)
    try:
        yield
    finally:
        _allocate(USUAL)


def give_back() -> None:
    """What is free goes back to the system: each thread has a part of the memory for itself, and keeps what it took for
    one large task. Takes some ms.
    """
    trim = getattr(_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)


def one_heap() -> None:
    """Threads that begin from now on have no heap of their own; those that began before would share
    theirs with them.
    """
    _tune({M_ARENA_MAX: 1})


def _allocate(apart: int) -> None:
    """Memory of ``apart`` bytes and more is a mapping of its own."""
    _tune({M_MMAP_THRESHOLD: apart, M_TRIM_THRESHOLD: KEPT, M_ARENA_MAX: 1})


def _tune(parameters: Mapping[int, int]) -> None:
    """Where the C library is GNU's."""
    mallopt = getattr(_library(), "mallopt", None)
    if mallopt is not None:
        for name, value in parameters.items():
            mallopt(name, value)


@functools.cache
def _library() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform == "linux" else None
