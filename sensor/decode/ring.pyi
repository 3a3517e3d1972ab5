from __future__ import annotations

import numpy as np
import numpy.typing as npt

def ours(data: npt.NDArray[np.uint8], start: int) -> bool: ...
def give_back(data: npt.NDArray[np.uint8], start: int) -> None: ...
def packets(data: npt.NDArray[np.uint8], start: int) -> int: ...
def times(data: npt.NDArray[np.uint8], start: int) -> tuple[int, int]: ...
def walk(
    data: npt.NDArray[np.uint8],
    start: int,
    size: int,
    rows: npt.NDArray[np.void],
    filled: int,
    link: int,
    source: int,
    layer: int,
) -> tuple[int, int]: ...
