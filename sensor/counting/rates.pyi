from __future__ import annotations

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
I8 = npt.NDArray[np.int8]

class RateWindow:
    window_ns: int
    evicted: int
    def __init__(self, window_ns: int, key_bits: int = 12) -> None: ...
    def count(self, keys: U64, ts: I64) -> npt.NDArray[np.uint32]: ...
    def follow(
        self, keys: U64, sources: U64, ts: I64, steps: I8, threshold: int, spread: int
    ) -> list[tuple[int, int, int]]: ...
    def above(
        self, keys: U64, sources: U64, ts: I64, steps: I8, requested: I8, threshold: int, spread: int
    ) -> npt.NDArray[np.bool_]: ...
