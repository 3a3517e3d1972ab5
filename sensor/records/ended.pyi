from __future__ import annotations

import numpy as np
import numpy.typing as npt

STATES: tuple[str, ...]

def heads(flows: npt.NDArray[np.void]) -> npt.NDArray[np.void]: ...
def states(flows: npt.NDArray[np.void]) -> npt.NDArray[np.int32]: ...
