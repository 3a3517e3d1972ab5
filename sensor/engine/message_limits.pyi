from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensor.decode.kernels import Work

WINDOW: int

class MessageLimits:
    shed: int
    def __init__(self, messages: int = ..., newcomers: int = ..., crowd: int = ...) -> None: ...
    def within(self, rows: npt.NDArray[np.void], work: Work) -> Work: ...
