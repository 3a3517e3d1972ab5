from __future__ import annotations

from collections.abc import Callable

from sensor.core.dissector import Said
from sensor.core.packet import Packet, Packets
from sensor.native.out import Messages

class Hearing:
    heard: int
    def __init__(self, hear: Callable[[list[Said]], None], made: Callable[[Packets, int], Packet]) -> None: ...
    def begin(self, packets: Packets | None, messages: tuple[Messages, ...]) -> None: ...
    def until(self, row: int) -> None: ...
    def end(self) -> None: ...
