"""Pages of rows that are computed, and not read from a table: sorted in memory, with the same
cursors as other lists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sensor.views.page import After, Facets, Page, Row, after_of, cursor_of, limit_of


def page_of(
    rows: Sequence[Row], name_of: Callable[[Row], str], facets: Facets, mark: str, limit: int, cursor: str
) -> Page[Row]:
    """``rows``: all that match, in their order; ``name_of``: what identifies a row; ``mark``: of the filter and the
    sort (``page.mark_of``). A page begins after the last row of the page before; where that row is gone, at its place.
    Malformed where the limit or the cursor is wrong.
    """
    after, count = after_of(cursor, mark), limit_of(limit)
    start = _behind(rows, name_of, after) if after is not None else 0
    shown = list(rows[start : start + count])
    more = cursor_of(After(mark, name_of(shown[-1]), start + count)) if start + count < len(rows) else ""
    return Page(shown, len(rows), True, facets, more)


def _behind(rows: Sequence[Row], name_of: Callable[[Row], str], after: After) -> int:
    expected = after.number - 1
    if 0 <= expected < len(rows) and name_of(rows[expected]) == after.value:
        return after.number
    return next(
        (place + 1 for place, row in enumerate(rows) if name_of(row) == after.value),
        min(max(after.number, 0), len(rows)),
    )


def facets_of(rows: Iterable[Row], fields: Mapping[str, Callable[[Row], str]]) -> Facets:
    """How many rows have each value of each field, the most frequent first."""
    several = list(rows)
    return {name: dict(Counter(map(read, several)).most_common()) for name, read in fields.items()}


def value_of(name: str, empty: str = "unknown") -> Callable[[Any], str]:
    """Reads a field of a row, for facets; ``empty``: its name where it is empty."""
    return lambda row: str(getattr(row, name)) or empty


def contains(text: str, values: Iterable[Any]) -> bool:
    """Whether all words of a text occur in some values; case does not matter."""
    everything = " ".join(str(value) for value in values).casefold()
    return all(word in everything for word in text.casefold().split())
