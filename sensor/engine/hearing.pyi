from __future__ import annotations

from collections.abc import Callable, Container

import numpy as np
import numpy.typing as npt

from sensor.core.dissector import Said
from sensor.core.event import Event
from sensor.core.packet import Packet, Packets
from sensor.inventory.novelty import Novelty
from sensor.native.out import Messages

class Hearing:
    heard: int
    keeping: bool
    def __init__(self, hear: Callable[[list[Said]], None], made: Callable[[Packets, int], Packet], novelty: Novelty) -> None: ...
    def listen(self, kinds: Container[type[Event]]) -> None: ...
    def begin(self, packets: Packets | None, rows: npt.NDArray[np.void] | None, messages: tuple[Messages, ...]) -> None: ...
    def until(self, row: int) -> None: ...
    def end(self) -> None: ...
