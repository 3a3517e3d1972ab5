from __future__ import annotations

from collections.abc import Callable, Container, Iterable

from sensor.boundary import Boundary
from sensor.core.dissector import Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet, Packets
from sensor.engine.known_messages import KnownMessages
from sensor.engine.subscribers import Subscribers
from sensor.engine.unwanted import Unwanted
from sensor.evidence.gather import Gatherer
from sensor.inventory.novelty import Novelty
from sensor.native.out import Messages

class NativeMessages:
    parsed: int
    unwanted: Unwanted
    known_messages: KnownMessages
    record: Callable[[list[Parsed]], None] | None
    def __init__(
        self,
        dispatch: Callable[[list[Parsed]], None],
        made: Callable[[Packets, int], Packet],
        novelty: Novelty,
        boundary: Boundary,
        names: Iterable[str] = (),
    ) -> None: ...
    def subscribe(self, kinds: Container[type[Event]], *groups: Subscribers) -> None: ...
    def keep(self, evidence: Gatherer | None) -> None: ...
    def begin(self, packets: Packets | None, messages: tuple[Messages, ...]) -> None: ...
    def until(self, row: int) -> None: ...
    def ended(self, flow: int) -> None: ...
    def end(self) -> None: ...
