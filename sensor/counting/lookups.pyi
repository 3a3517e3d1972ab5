from __future__ import annotations

from typing import Any, NamedTuple

from sensor.core.packet import Packet

class Answer(NamedTuple):
    ts: int
    mac: int
    ttl: int
    records: tuple[Any, ...]

    def is_from(self, other: Answer) -> bool: ...

class SuspiciousAnswer(NamedTuple):
    first: Answer | None
    usual: Answer | None
    unsolicited: bool

class PublicAddress(NamedTuple):
    ts: int
    address: int
    ttl: int
    inside: bool

class Slots:
    @property
    def evicted(self) -> int: ...

class DnsAnswers:
    def __init__(self, bits: int = 12) -> None: ...
    @property
    def queries(self) -> Slots: ...
    @property
    def answers(self) -> Slots: ...
    @property
    def servers(self) -> Slots: ...
    def query(self, packet: Packet, name: str, number: int) -> None: ...
    def answer(
        self, packet: Packet, name: str, number: int, kind: int, records: tuple[Any, ...], apart: int
    ) -> SuspiciousAnswer | None: ...

class PublicAddresses:
    def __init__(self, bits: int = 13) -> None: ...
    @property
    def evicted(self) -> int: ...
    def resolved(self, packet: Packet, name: str, address: int, ttl: int, inside: bool) -> None: ...
    def resolved_inside(self, packet: Packet, name: str) -> None: ...
    def last(self, packet: Packet, name: str) -> PublicAddress | None: ...
