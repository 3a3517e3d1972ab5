"""What of the recorded traffic a threat list names: its values, with how often, by how many devices and when last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from sensor.records.query import Query

# Different values that are compared, the most frequent first.
VALUES = 200_000
# Addresses outside are what lists name.
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


class Named(Protocol):
    """An entry of a list, as the list has it."""

    @property
    def entry(self) -> str: ...


class Seen(NamedTuple):
    """A value of the traffic that an entry matches; ``records``: so many have it, of ``devices`` different devices;
    ``last``: time of the last.
    """

    value: str
    kind: str
    entry: str
    records: int
    devices: int
    last: str


class Matches(NamedTuple):
    """``compared``: of so many different values; ``more``: others were not compared."""

    rows: Sequence[Seen]
    compared: int
    more: bool


def matches(query: Query, named: Callable[[str], Named | None]) -> Matches:
    """Look up each value. ``named``: the entry that a list has for it. QueryError."""
    answer = query.run(_SEEN, most=VALUES)
    rows = [
        Seen(value, kind, entry.entry, count, devices, last)
        for value, kind, count, devices, last in answer.rows
        if (entry := named(str(value))) is not None
    ]
    return Matches(rows, len(answer.rows), answer.more)
