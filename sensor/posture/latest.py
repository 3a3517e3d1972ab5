"""The data of assessments: the last record of each device, alert, incident and recommendation, from any source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sensor.core.device import Lease

Record = dict[str, Any]
Details = Callable[[Record], Record]
"""From the record of a device to one with its ``evidence`` and ``leases``."""


class Known(Protocol):
    """``devices``, ``incidents`` and ``recommendations`` by id, ``alerts`` by key; closed alerts and devices that are
    gone are included. ``leases``: devices that have or had an address, as far as that is stored (``unnamed``).
    """

    @property
    def devices(self) -> Mapping[str, Record]: ...

    @property
    def alerts(self) -> Mapping[str, Record]: ...

    @property
    def incidents(self) -> Mapping[str, Record]: ...

    @property
    def recommendations(self) -> Mapping[str, Record]: ...

    @property
    def leases(self) -> Mapping[str, Sequence[Lease]]: ...

    def device(self, name: str) -> Record | None:
        """The record of a device by its id, or by an id from before a merge."""
        ...
