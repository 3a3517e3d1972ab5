from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sensor.boundary import Boundary
from sensor.core.alert import Alert
from sensor.core.dissector import Parsed
from sensor.core.event import Event
from sensor.core.observation import Observation
from sensor.core.wants import Want
from sensor.engine.members import Members

class Subscribers:
    blamed: int
    def __init__(self, boundary: Boundary, members: Members, before: Subscribers | None = None) -> None: ...
    @property
    def kinds(self) -> frozenset[type[Event]]: ...
    def wants(self, kind: type[Event]) -> list[Want]: ...
    def deliver(self, event: Event) -> list[Any]: ...

class Dispatcher:
    observe: Callable[[Observation], object]
    take: Callable[[Iterable[Alert]], object]
    record: Callable[[Event], object] | None
    derivers: Subscribers
    detecting: Subscribers
    listeners: Subscribers
    def __init__(
        self,
        boundary: Boundary,
        observe: Callable[[Observation], object],
        take: Callable[[Iterable[Alert]], object],
        derivers: Subscribers,
        detecting: Subscribers,
        listeners: Subscribers,
    ) -> None: ...
    def dispatch(self, results: Iterable[Parsed]) -> None: ...
    def record_all(self, results: Iterable[Parsed]) -> None: ...
    def record_and_dispatch(self, results: Iterable[Parsed]) -> None: ...
