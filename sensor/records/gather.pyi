from __future__ import annotations

import numpy as np
import numpy.typing as npt

def gather(text: bytes, spans: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]: ...
def hashes(text: bytes, spans: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]: ...
