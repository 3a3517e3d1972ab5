from __future__ import annotations

from sensor.core.observation import Subject
from sensor.core.packet import Packet
from sensor.records.files.seen import FileSeen, State

LARGEST: int

class Budget:
    def __init__(self, rate: int = ..., burst: int = ...) -> None: ...
    def advance(self, now: int) -> None: ...

class Body:
    packet: Packet
    name: str
    mime: str
    size: int
    fault: State | None
    def __init__(
        self, packet: Packet, budget: Budget, name: bytes, mime: bytes = b"", encoding: bytes = b""
    ) -> None: ...
    def take(self, data: bytes) -> int: ...
    def lost(self, why: State = ...) -> None: ...
    def ended(self, service: str, from_client: bool, ends: tuple[Subject, Subject, int, int]) -> FileSeen: ...

def ends_of(packet: Packet, client_sent: bool) -> tuple[Subject, Subject, int, int]: ...
