"""Arrays for kernels, aligned to cache lines and huge pages."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# Bytes of a cache line and of a huge page.
LINE, HUGE = 64, 2 << 20


def tables(*kinds: tuple[int, npt.DTypeLike]) -> list[npt.NDArray[np.void]]:
    """A zeroed array for each (entries, dtype), each aligned to a cache line, so that a group does not span more lines
    than necessary.

    They share one allocation. A large one is aligned to huge pages and fills whole ones, which the system provides if
    it can: rows are scattered over the tables, and with small pages each access would cost a page table walk.
    """
    sizes = [-(-n * np.dtype(kind).itemsize // LINE) * LINE for n, kind in kinds]
    total = sum(sizes)
    unit = HUGE if total >= HUGE else LINE
    raw = np.zeros((total // unit + 2) * unit, np.uint8)
    at = -raw.ctypes.data % unit
    found = []
    for (n, kind), size in zip(kinds, sizes, strict=True):
        found.append(raw[at : at + n * np.dtype(kind).itemsize].view(kind))
        at += size
    return found
