"""Summary of a dataset: number of devices, time of the last record, and the sensor's last event about itself."""

from __future__ import annotations

import msgspec

from sensor.core.severities import SEVERITIES
from sensor.views.dataset import Data
from sensor.views.moments import Moment

_NEWEST = "SELECT seq, ts, 'sensor', action, severity, name, summary FROM findings ORDER BY seq DESC LIMIT 1"
_LAST = "SELECT ts FROM timeline ORDER BY seq DESC LIMIT 1"
_COUNT = "SELECT count(*) FROM devices"


class DatasetSummary(msgspec.Struct, frozen=True):
    """``devices``: number in the inventory, None if there is none; ``last``: time of the last record, ns, 0 if there is
    none; ``newest``: the last record about the sensor itself.
    """

    devices: int | None
    last: int
    newest: Moment | None


def dataset_summary(data: Data) -> DatasetSummary:
    """Raises sqlite3.DatabaseError if the tables are damaged."""
    row = data.base.execute(_NEWEST).fetchone()
    newest = Moment(*(*row[:4], SEVERITIES[row[4]], *row[5:])) if row is not None else None
    last = data.base.execute(_LAST).fetchone()
    count = int(data.base.execute(_COUNT).fetchone()[0]) if data.inventory else None
    return DatasetSummary(
        count, max(int(last[0]) if last is not None else 0, newest.ts if newest is not None else 0), newest
    )
