"""Queries of a dataset's traffic records: each in its own process, limited in number, with a list of
missing records.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sensor.datasets.dataset import Dataset
from sensor.records.installed import MISSING, installed
from sensor.records.paths import records_folder
from sensor.records.query import Computed, NoRecords, Query, Range, UnreadableRecords
from sensor.records.waiting import write_waiting
from sensor.views.errors import NotReadable

SECONDS = 30.0
# Each query may use some hundred MiB: the number of concurrent queries is limited, others wait.
_AT_ONCE = threading.BoundedSemaphore(2)


class Querying(NamedTuple):
    """``missing``: sentences about records that could not be loaded."""

    query: Query
    missing: list[str]


@contextlib.contextmanager
def querying(
    dataset: Dataset, within: Range | None = None, computed: Mapping[str, Computed] = {}
) -> Iterator[Querying]:
    """Open for queries, of all records or those of a time range. ``computed``: as of ``Query``. Raises NotReadable if
    there are no records, or they cannot be queried.
    """
    if not installed():
        raise NotReadable(f"a hunt {MISSING}")
    folder, missing = records_folder(dataset.log), list[str]()
    with _AT_ONCE:
        try:
            missing += filter(None, [write_waiting(folder, missing.append)])
            query = Query(folder, within, seconds=SECONDS, computed=computed)
        except UnreadableRecords as error:
            raise NotReadable(f"traffic records: unknown: {error}") from None
        except NoRecords as error:
            raise NotReadable(
                f"{error}: the traffic is unknown. `records: {{enabled: true}}` in the configuration writes them, also "
                "in a new replay."
            ) from None
        try:
            yield Querying(query, missing)
        finally:
            query.close()
