from __future__ import annotations

import numpy as np
import numpy.typing as npt

class Messages:
    def __len__(self) -> int: ...
    def drop(self, rows: npt.NDArray[np.int32]) -> None: ...
