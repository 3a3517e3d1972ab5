"""Base class of derivers: between dissectors and detectors, a deriver makes events that several detectors need from
protocol events.

Derivers are in ``sensor/derived``, one a file. A deriver may keep bounded tables (a request that waits for its answer);
it raises no alerts and has no access to devices.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from sensor.core.event import Derived, Event
from sensor.core.named_tables import Table
from sensor.core.wants import Want


class Deriver:
    """Base of all derivers. The file name is their name. ``tables``: its bounded tables, by name."""

    watches: ClassVar[tuple[type[Event], ...]]
    tables: Iterable[tuple[str, Table]] = ()

    def wants(self) -> dict[type[Event], Want]:
        """The events that it needs, as for an event detector: it gets every event of a class that is missing here."""
        return {}

    def derive(self, event: Event) -> Iterator[Derived]:
        """The events that follow from this event and earlier ones. Detectors get them right after it."""
        raise NotImplementedError
