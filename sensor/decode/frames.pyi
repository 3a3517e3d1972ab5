from __future__ import annotations

import numpy as np
import numpy.typing as npt

def decode(data: npt.NDArray[np.uint8], rows: npt.NDArray[np.void]) -> int: ...
