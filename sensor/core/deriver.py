"""What a deriver is: between dissectors and detectors, it makes from protocol events what several detectors need.

Found in ``sensor/derived``, one a file. A deriver may keep bounded tables (a request that waits for its answer); it
never judges, and knows nothing of devices.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from sensor.core.event import Derived, Event
from sensor.core.wants import Want


class Deriver:
    """Base of all derivers. The file name is their name."""

    watches: ClassVar[tuple[type[Event], ...]]

    def wants(self) -> dict[type[Event], Want]:
        """As of an event detector: of a class that is missing here it gets all."""
        return {}

    def derive(self, event: Event) -> Iterator[Derived]:
        """What follows from an event and those before it. Judged right after the event."""
        raise NotImplementedError
