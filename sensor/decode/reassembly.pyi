from __future__ import annotations

from collections.abc import Iterable, Iterator

from sensor.core.dissector import Interest, Parsed, Stream
from sensor.core.packet import Packet

HELD_SEGMENTS: int
LATE_SEGMENTS: int
HELD_BYTES: int
REPEATED_BYTES: int

class Room:
    held: int
    most: int
    def __init__(self, most: int) -> None: ...

class Assembler:
    stream: Stream
    late: int
    def __init__(self, stream: Stream, interest: Interest, room: Room) -> None: ...
    def feed(self, packet: Packet) -> Iterable[Parsed]: ...
    def finish(self) -> Iterator[Parsed]: ...
    def drop(self) -> None: ...
