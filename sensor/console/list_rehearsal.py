"""What a threat list would have matched: its entries against addresses and names in traffic records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sensor.console.querying import querying
from sensor.datasets.dataset import Dataset
from sensor.intel.store import ThreatLists
from sensor.records.coverage import coverage, sentences
from sensor.records.query import QueryError
from sensor.views.errors import NotReadable

# Different values that are compared, the most frequent first; and matches that are shown.
VALUES, SHOWN = 200_000, 100
# Addresses outside are what lists name; of each value how often, by how many devices, and when last.
SEEN = """
SELECT value, any_value(kind) AS kind, count(*) AS n, count(DISTINCT src_device) AS devices, max(ts) AS last FROM (
    SELECT dst_ip AS value, 'address' AS kind, src_device, ts FROM conn
    UNION ALL SELECT src_ip, 'address', dst_device, ts FROM conn
    UNION ALL SELECT query, 'name in DNS', src_device, ts FROM dns WHERE query != ''
    UNION ALL SELECT sni, 'name in TLS', src_device, ts FROM tls WHERE sni != ''
    UNION ALL SELECT ja3, 'JA3', src_device, ts FROM tls WHERE ja3 != ''
    UNION ALL SELECT ja4, 'JA4', src_device, ts FROM tls WHERE ja4 != ''
    UNION ALL SELECT host, 'host in HTTP', src_device, ts FROM http WHERE host != ''
) GROUP BY value ORDER BY n DESC
"""


class Seen(NamedTuple):
    """A value of the traffic that an entry matches; ``records``: so many have it, of ``devices`` different devices."""

    value: str
    kind: str
    entry: str
    records: int
    devices: int
    last: object


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
            answer = there.query.ask(SEEN, most=VALUES)
            notes = [*there.missing, *sentences(coverage(there.query))]
        except QueryError as error:
            raise NotReadable(f"the list cannot be rehearsed on {dataset.name}: {error}") from None
    found = [
        Seen(value, kind, entry.entry, count, devices, last)
        for value, kind, count, devices, last in answer.rows
        if (entry := lists.named(str(value))) is not None
    ]
    return Rehearsal(found[:SHOWN], len(found), len(answer.rows), answer.more, notes)
