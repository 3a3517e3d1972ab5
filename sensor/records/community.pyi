from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

def prefixes(heads: npt.NDArray[Any]) -> npt.NDArray[np.int64]: ...
def ids(heads: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]: ...
