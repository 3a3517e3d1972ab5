from __future__ import annotations

import numpy as np
import numpy.typing as npt

SLOT: np.dtype[np.void]
MARK: np.dtype[np.void]

class FlowTable:
    PARTS: int
    slots: npt.NDArray[np.void]
    opened: int
    evicted: int
    active: int
    def __init__(self, bits: int = 17) -> None: ...
    def follow(self, rows: npt.NDArray[np.void], start: int, stop: int) -> npt.NDArray[np.void]: ...
    def take(self) -> npt.NDArray[np.void]: ...
    def sweep(self, now: int) -> npt.NDArray[np.void]: ...
    def finish(self, now: int, part: int) -> npt.NDArray[np.void]: ...
    def unfollow(self, slot: int, uid: int, followers: int) -> None: ...
