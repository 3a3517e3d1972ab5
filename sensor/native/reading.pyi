from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sensor.core.dissector import Interest
from sensor.decode.row_reader import RowReader
from sensor.native.out import Messages
from sensor.native.stream import Conversations, NativeStream
from sensor.native.unit import Native

class Reading(RowReader):
    taken: int
    punted: int
    names: list[str]
    conversations: Conversations | None
    def __init__(
        self,
        datagrams: Sequence[Native | None],
        frames: Sequence[Native | None],
        streams: Sequence[tuple[int, str, NativeStream, Interest, int]] = (),
        conversations: Conversations | None = None,
    ) -> None: ...
    def read_rows(self, data: npt.NDArray[np.uint8], rows: npt.NDArray[np.void]) -> None: ...
    def take(self) -> tuple[Messages, ...]: ...
