from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

NO_SIZE: int

class IntervalStatistics(NamedTuple):
    beats: int
    interval_s: float
    dispersion: float
    size: float
    size_dispersion: float

class Intervals:
    def __init__(self, intervals: int, bits: int = 16) -> None: ...
    def follow(self, keys: U64, ts: I64, sizes: I64) -> list[tuple[int, IntervalStatistics]]: ...
