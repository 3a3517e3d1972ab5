"""Pages: some rows of a list, the total number, facets, and a cursor for the next page."""

from __future__ import annotations

import base64
import hashlib
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from sensor.views.errors import Malformed

Row = TypeVar("Row")
Facets = dict[str, dict[str, int]]
MOST = 1000
# An integer that databases can store.
Stored = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


class Page(msgspec.Struct, Generic[Row], frozen=True):
    """``total``: number of matches; if ``exact`` is false, the minimum, and ``facets`` count those. ``cursor``: of the
    next page, empty at the end.
    """

    rows: list[Row]
    total: int
    exact: bool
    facets: Facets
    cursor: str


class PageStart(msgspec.Struct, array_like=True):
    """The last row of a page: its place in the order, and its number. ``mark``: of the query that it belongs to."""

    mark: str
    value: Stored | float | str | list[Stored | str]
    number: Stored


def mark_of(*question: Any) -> str:
    """A hash of filter and sort order: a cursor of another query is rejected. The times of a filter do not count: a
    span such as 24h begins later for each page.
    """
    parts = [_without_times(one) if isinstance(one, msgspec.Struct) else one for one in question]
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=6).hexdigest()


def _without_times(wanted: msgspec.Struct) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(wanted).items() if name not in ("since", "until")}


def cursor_of(after: PageStart) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(after)).decode().rstrip("=")


def after_of(cursor: str, mark: str) -> PageStart | None:
    """Decode a cursor; None for the first page. Raises Malformed if it is invalid, or belongs to another query."""
    if not cursor:
        return None
    try:
        after = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=PageStart)
    except (ValueError, msgspec.DecodeError):
        raise invalid_cursor(cursor) from None
    if after.mark != mark:
        raise Malformed("cursor", cursor[:40], "a cursor with the same filter and sort")
    return after


def invalid_cursor(cursor: object) -> Malformed:
    return Malformed("cursor", str(cursor)[:40], "a cursor of an earlier page")


def limit_of(limit: int) -> int:
    """Check a limit. Raises Malformed if it is invalid."""
    if not 1 <= limit <= MOST:
        raise Malformed("limit", str(limit), f"1 to {MOST}")
    return limit
