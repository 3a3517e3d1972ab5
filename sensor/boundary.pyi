from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from sensor.core.bounded import Bounded
from sensor.core.packet import Packet

Result = TypeVar("Result")

class Fault(msgspec.Struct):
    unit: str
    error: str
    place: str
    packet: Packet | None
    count: int = 1

class Boundary:
    malformed: Bounded[tuple[str, str], int]
    faults: Bounded[tuple[str, str], Fault]
    samples: Bounded[tuple[str, str], Packet]
    def __init__(self, report: Callable[[Fault], None] | None = None) -> None: ...
    def run(
        self, unit: str, call: Callable[..., Iterable[Result] | None], *args: object, packet: Packet | None = None
    ) -> tuple[list[Result], bool]: ...
    def all(
        self, unit: str, call: Callable[[Any], object], things: Iterable[Any], packet: Packet | None = None
    ) -> None: ...
    def each(
        self,
        calls: Iterable[tuple[str, Callable[..., Iterable[Result] | None]]],
        args: tuple[object, ...],
        packet: Packet | None,
        quiet: bool = False,
    ) -> tuple[list[Result], bool]: ...
