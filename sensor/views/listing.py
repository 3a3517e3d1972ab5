"""Pages of computed rows, which are not in a table: sorted in memory, with the same cursors as other lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sensor.views.page import Facets, Page, PageStart, Row, after_of, cursor_of, limit_of


def page_of(
    rows: Sequence[Row], name_of: Callable[[Row], str], facets: Facets, mark: str, limit: int, cursor: str
) -> Page[Row]:
    """``rows``: all matches, in order; ``name_of``: the identifier of a row; ``mark``: of the filter and the sort order
    (``page.mark_of``). A page begins after the last row of the previous page or, if that row no longer exists, at its
    place. Raises Malformed for an invalid limit or cursor.
    """
    after, count = after_of(cursor, mark), limit_of(limit)
    start = _behind(rows, name_of, after) if after is not None else 0
    shown = list(rows[start : start + count])
    more = cursor_of(PageStart(mark, name_of(shown[-1]), start + count)) if start + count < len(rows) else ""
    return Page(shown, len(rows), True, facets, more)


def _behind(rows: Sequence[Row], name_of: Callable[[Row], str], after: PageStart) -> int:
    expected = after.number - 1
    if 0 <= expected < len(rows) and name_of(rows[expected]) == after.value:
        return after.number
    return next(
        (place + 1 for place, row in enumerate(rows) if name_of(row) == after.value),
        min(max(after.number, 0), len(rows)),
    )


def facets_of(rows: Iterable[Row], fields: Mapping[str, Callable[[Row], str]]) -> Facets:
    """Number of rows by value of each field, the most frequent first."""
    several = list(rows)
    return {name: dict(Counter(map(read, several)).most_common()) for name, read in fields.items()}


def value_of(name: str, empty: str = "unknown") -> Callable[[Any], str]:
    """A function that reads a field of a row, for facets; ``empty``: the name for an empty value."""
    return lambda row: str(getattr(row, name)) or empty


def contains(text: str, values: Iterable[Any]) -> bool:
    """Whether all words of a text occur in the values, ignoring case."""
    everything = " ".join(str(value) for value in values).casefold()
    return all(term in everything for term in text.casefold().split())
