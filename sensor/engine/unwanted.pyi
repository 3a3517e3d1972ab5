from __future__ import annotations

from collections.abc import Sequence

from sensor.boundary import Boundary
from sensor.core.event import Event
from sensor.engine.subscribers import Subscribers
from sensor.inventory.novelty import Novelty

class Unwanted:
    skipped: int
    def __init__(self, boundary: Boundary, novelty: Novelty, kinds: Sequence[type[Event]], bits: int = 14) -> None: ...
    def subscribe(self, *groups: Subscribers) -> None: ...
