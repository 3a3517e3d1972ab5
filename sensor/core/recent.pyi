from __future__ import annotations

import numpy as np
import numpy.typing as npt

SEEN: np.dtype[np.void]

class RecentSet:
    FIRST: int
    AGAIN: int
    evicted: int
    def __init__(self, bits: int = 16) -> None: ...
    def look(self, keys: npt.NDArray[np.uint64], ts: npt.NDArray[np.int64], window: int) -> npt.NDArray[np.uint8]: ...
    def fresh(self, keys: npt.NDArray[np.uint64], ts: npt.NDArray[np.int64], window: int) -> npt.NDArray[np.bool_]: ...
