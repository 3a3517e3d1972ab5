"""Matches of recorded traffic with a threat list: values, with their number of records, of devices, and their last
time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sensor.core.detector import Listed
from sensor.records.query import Query

# Limit on the distinct values that are compared, the most frequent first.
VALUES = 200_000
# Threat lists name external addresses.
_SEEN = """
SELECT value, any_value(kind) AS kind, count(*) AS n, count(DISTINCT src_device) AS devices, max(ts) AS last FROM (
    SELECT dst_ip AS value, 'address' AS kind, src_device, ts FROM conn
    UNION ALL SELECT src_ip, 'address', dst_device, ts FROM conn
    UNION ALL SELECT query, 'name in DNS', src_device, ts FROM dns WHERE query != ''
    UNION ALL SELECT sni, 'name in TLS', src_device, ts FROM tls WHERE sni != ''
    UNION ALL SELECT ja3, 'JA3', src_device, ts FROM tls WHERE ja3 != ''
    UNION ALL SELECT ja4, 'JA4', src_device, ts FROM tls WHERE ja4 != ''
    UNION ALL SELECT host, 'host in HTTP', src_device, ts FROM http WHERE host != ''
) WHERE value IS NOT NULL GROUP BY value ORDER BY n DESC
"""


class Seen(NamedTuple):
    """A value in the traffic that matches an entry; ``records``: number of records with it, of ``devices`` different
    devices; ``last``: time of the last record.
    """

    value: str
    kind: str
    entry: str
    records: int
    devices: int
    last: str


class Matches(NamedTuple):
    """``compared``: number of distinct values compared; ``more``: there were others."""

    rows: Sequence[Seen]
    compared: int
    more: bool


def matches(query: Query, named: Callable[[str], Listed | None]) -> Matches:
    """Look up each value. ``named``: returns the entry of a list for a value. Raises QueryError."""
    answer = query.run(_SEEN, most=VALUES)
    rows = [
        Seen(value, kind, entry.entry, count, devices, last)
        for value, kind, count, devices, last in answer.rows
        if (entry := named(str(value))) is not None
    ]
    return Matches(rows, len(answer.rows), answer.more)
