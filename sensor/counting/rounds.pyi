from __future__ import annotations

import numpy as np
import numpy.typing as npt

class Rounds:
    @property
    def evicted(self) -> int: ...
    def __init__(self, memory: int, bits: int = 15) -> None: ...
    def follow(
        self, keys: npt.NDArray[np.uint64], ts: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]: ...
