"""What a threat list would have matched: its entries against addresses and names in traffic records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sensor.console.querying import querying
from sensor.datasets.dataset import Dataset
from sensor.intel.store import ThreatLists
from sensor.records.coverage import coverage, sentences
from sensor.records.list_matches import Seen, matches
from sensor.records.query import QueryError
from sensor.views.errors import NotReadable

SHOWN = 100


class Rehearsal(NamedTuple):
    """``total`` values matched, the first of them in ``rows``; ``compared``: of so many, ``more``: others were not
    compared; ``notes``: what the records do not know.
    """

    rows: Sequence[Seen]
    total: int
    compared: int
    more: bool
    notes: Sequence[str]


def rehearse(lists: ThreatLists, dataset: Dataset) -> Rehearsal:
    """NotReadable where there are no traffic records."""
    with querying(dataset) as there:
        try:
            found = matches(there.query, lists.named)
            notes = [*there.missing, *sentences(coverage(there.query))]
        except QueryError as error:
            raise NotReadable(f"the list cannot be rehearsed on {dataset.name}: {error}") from None
    return Rehearsal(found.rows[:SHOWN], len(found.rows), found.compared, found.more, notes)
