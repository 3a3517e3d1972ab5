"""Pages: some rows of a list, how many there are in all, how they are spread, and where the next page begins."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Generic, TypeVar

import msgspec

from sensor.views.errors import Malformed

Row = TypeVar("Row")
Facets = dict[str, dict[str, int]]
MOST = 1000


class Page(msgspec.Struct, Generic[Row], frozen=True):
    """``total``: how many rows match; where ``exact`` is false there are at least so many, and ``facets`` are of those.
    ``cursor``: the next page, empty at the end.
    """

    rows: list[Row]
    total: int
    exact: bool
    facets: Facets
    cursor: str


class After(msgspec.Struct, array_like=True):
    """The last row of a page: its place in the order, and its number. ``mark``: of the question that it belongs to."""

    mark: str
    value: int | float | str | list[int]
    number: int


def mark_of(*question: Any) -> str:
    """Stands for a filter and a sort: a cursor of another question is refused."""
    return hashlib.blake2b(msgspec.json.encode(question), digest_size=6).hexdigest()


def cursor_of(after: After) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(after)).decode().rstrip("=")


def after_of(cursor: str, mark: str) -> After | None:
    """Decode a cursor; None for the first page. Raises Malformed if it is not one, or belongs to another query."""
    if not cursor:
        return None
    try:
        after = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=After)
    except (ValueError, msgspec.DecodeError):
        raise Malformed("cursor", cursor[:40], "one that an earlier page gave") from None
    if after.mark != mark:
        raise Malformed("cursor", cursor[:40], "one of the same filter and sort")
    return after


def limit_of(limit: int) -> int:
    """Malformed where it is not one."""
    if not 1 <= limit <= MOST:
        raise Malformed("limit", str(limit), f"1 to {MOST}")
    return limit
