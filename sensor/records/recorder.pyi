from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensor.core.event import Event
from sensor.core.packet import Packets
from sensor.native.out import Messages

class Recorder:
    lost: int
    shed: int
    dropped: int
    rows: int
    now: int
    def __init__(self, flows: int) -> None: ...
    def batch(self, packets: Packets | None, messages: tuple[Messages, ...], changes: npt.NDArray[np.void]) -> None: ...
    def add(self, event: Event) -> None: ...
    def note(self, record: bytes) -> None: ...
    def size(self) -> int: ...
    def take(self, whole: bool) -> bytes: ...
