from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sensor.core.dissector import Interest
from sensor.core.recent import RecentSet
from sensor.decode.flows import FlowTable

NEWCOMERS_BIT: int
FLOODED_SENDERS: int
WAITS_BIT: int

class Selector:
    repeats: int
    shed: int
    shed_of: npt.NDArray[np.uint64]
    senders: RecentSet
    deferred: RecentSet
    head_senders: RecentSet
    def __init__(self, interests: Sequence[Interest], recent: RecentSet, most: int = ...) -> None: ...
    def select(
        self, data: npt.NDArray[np.uint8], rows: npt.NDArray[np.void], start: int, stop: int, flows: FlowTable
    ) -> npt.NDArray[np.int32]: ...
    def begin(self, rows: int) -> None: ...
    def take(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64]]: ...
