from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]

def fold(hi: U64, lo: U64) -> U64: ...

class Blocks:
    def __init__(self, blocks: Iterable[tuple[int, int]]) -> None: ...

def contacts(changes: npt.NDArray[np.void], inside: Blocks, seen: npt.NDArray[np.uint8]) -> npt.NDArray[np.void]: ...
