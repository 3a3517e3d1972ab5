"""The roster: a cheap list of all devices as last reported. Facts not needed since the start stay unparsed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sensor.core.device import Device
from sensor.inventory.record import Record
from sensor.inventory.table import Table


class Member(NamedTuple):
    """A device. ``quiet``: no new facts since the start, so that ``device`` lacks names and attributes; its last report
    is present regardless. ``record``: while it is ``stale``, ``device`` lacks the newest facts.
    """

    device: Device
    type: str
    vendor: str
    model: str
    firmware: str
    os: str
    software: str
    gone: bool
    quiet: bool
    record: Record | None = None

    def changed_since(self, ts: int) -> bool:
        """Whether it was seen or its report compared at or after ``ts`` (ns)."""
        record = self.record
        return record is None or record.reported is None or record.last >= ts or record.reported.looked >= ts


def members(table: Table) -> Iterator[Member]:
    """Every reported device."""
    for queue in (table.unidentified, table.identified):
        for record in queue:
            if record.reported is not None:
                reported = record.reported.values
                (kind, _), (vendor, _), (model, _), (firmware, _), _, (system, _), *_, (software, _) = reported
                yield Member(
                    table.open(record),
                    kind or "unknown",
                    vendor,
                    model,
                    firmware,
                    system,
                    software,
                    record.gone,
                    record.unread is not None,
                    record,
                )
