"""SQL statements that run programs or load code on the host of a database: the first statements of a connection are
searched for them, and no others are reported.
"""

from __future__ import annotations

import re

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.reader import clean

# Statements of a connection that are searched: tools connect for each attack.
SEARCHED = 8
TEXT_LIMIT, BEFORE = 300, 100
# Also a program as a number, which is written to a file by the end of a long statement.
_RUNS = lazy_pattern(
    rb"\bfrom\s+program\b|\binto\s+(?:out|dump)file\b|\bsoname\s+['\"]|\b0x(?:4d5a|7f454c46)[0-9a-f]{32}|"
    rb"\bas\s+'/(?:tmp|var/tmp|dev/shm)/",
    re.IGNORECASE,
)


def statement_in(query: bytes) -> str:
    """The part of a query with such a statement; empty if there is none."""
    found = _RUNS.search(query)
    if found is None:
        return ""
    start = max(found.start() - BEFORE, 0)
    return clean(query[start : start + TEXT_LIMIT])
