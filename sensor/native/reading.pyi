from __future__ import annotations

from collections.abc import Sequence

from sensor.decode.row_reader import RowReader
from sensor.native.unit import Native

class Reading(RowReader):
    taken: int
    punted: int
    def __init__(self, datagrams: Sequence[Native | None], frames: Sequence[Native | None]) -> None: ...
