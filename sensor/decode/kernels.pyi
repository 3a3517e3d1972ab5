from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.decode.datagrams import Datagrams, Fault
from sensor.decode.flows import FlowTable
from sensor.decode.row_reader import RowReader
from sensor.decode.select import Selector

TICK: np.dtype[np.void]

class Work(NamedTuple):
    changes: npt.NDArray[np.void]
    chosen: npt.NDArray[np.int32]
    wanted: npt.NDArray[np.uint64]
    ticks: npt.NDArray[np.void]
    malformed: int
    messages: tuple[Any, ...] = ()
    newest: int = 0
    data: npt.NDArray[np.uint8] | None = None
    faults: tuple[Fault, ...] = ()
    def keep(self, kept: npt.NDArray[np.bool_]) -> tuple[Work, int]: ...

class Kernels:
    flows: FlowTable
    selector: Selector
    reader: RowReader
    datagrams: Datagrams
    def __init__(self, flows: FlowTable, selector: Selector, reader: RowReader | None = None) -> None: ...
    def run(self, data: npt.NDArray[np.uint8], rows: npt.NDArray[np.void]) -> Work: ...
    def idle(self, now: int) -> Work: ...
    def finish(self, now: int, part: int) -> Work: ...
    def unfollow(self, slot: int, uid: int, bits: int) -> None: ...
