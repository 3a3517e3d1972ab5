from __future__ import annotations

from collections.abc import Callable, Iterable

from sensor.boundary import Boundary
from sensor.core.dissector import Dissector, Parsed
from sensor.core.packet import Packet, Packets
from sensor.decode.reassembly import Room

CONVERSATIONS_LIMIT: int
HELD_LIMIT: int

class Dissection:
    keep: Callable[[Packet], None] | None
    selected: int
    early: Room
    def __init__(
        self, dissectors: dict[str, Dissector], boundary: Boundary, unfollow: Callable[[int, int, int], None],
        dispatch: Callable[[Iterable[Parsed]], None],
        conversations: int = ..., held: int = ...,
    ) -> None: ...  # fmt: skip
    def row(self, packets: Packets, index: int, wanted: int) -> None: ...
    def end(self, flow: int) -> None: ...
    def made(self, packets: Packets, index: int) -> Packet: ...
