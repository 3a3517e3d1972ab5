"""A backtest of a threat list: matches of its entries with addresses and names in traffic records."""

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


class Backtest(NamedTuple):
    """``total``: matching values, the first of them in ``rows``; ``compared``: values compared, ``more``: not compared;
    ``notes``: limits of the records.
    """

    rows: Sequence[Seen]
    total: int
    compared: int
    more: bool
    notes: Sequence[str]


def backtest(lists: ThreatLists, dataset: Dataset) -> Backtest:
    """Compare the lists with the traffic records of a dataset. Raises NotReadable if there are none."""
    with querying(dataset) as there:
        try:
            found = matches(there.query, lists.named)
            notes = [*there.missing, *sentences(coverage(there.query))]
        except QueryError as error:
            raise NotReadable(f"the list cannot be backtested on {dataset.name}: {error}") from None
    return Backtest(found.rows[:SHOWN], len(found.rows), found.compared, found.more, notes)
