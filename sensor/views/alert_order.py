"""The sort orders of a list of alerts, and the places of rows in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sensor.views.page import PageStart, invalid_cursor


class SortOrder(NamedTuple):
    """``columns``: the columns that the order compares, before the number; ``index_name``: the index that has alerts in
    this order, with their groups and all columns that cheap clauses test.
    """

    columns: tuple[str, ...]
    index_name: str


SORTS = {
    "last": SortOrder(("last",), "alerts_last"),
    "opened": SortOrder(("number",), "alerts_number"),
    "risk": SortOrder(("risk", "last"), "alerts_risk_last"),
}

# The values that the order compares (a single one is not a tuple), and the number.
Place = tuple[Any, int]


# The order "last" among alerts of one severity.
OF_LEVEL = SortOrder(("last",), "alerts_severity_last")


class Order(NamedTuple):
    """``sort``, whether it is descending, and the row to continue after; ``level``: the severity of all alerts, for
    OF_LEVEL.
    """

    sort: SortOrder
    backwards: bool
    after: PageStart | None
    level: int = 0

    @property
    def columns(self) -> str:
        return ", ".join(f"a.{column}" for column in self.sort.columns)

    @property
    def order_by(self) -> str:
        way = "DESC" if self.backwards else "ASC"
        return "ORDER BY " + ", ".join(f"a.{column} {way}" for column in (*self.sort.columns, "number"))

    @property
    def behind(self) -> tuple[str, tuple[int, ...]]:
        """A condition for the rows after that row, with its parameters."""
        if self.after is None:
            return "1", ()
        values = (*values_of(self.after, len(self.sort.columns)), self.after.number)
        marks = ", ".join("?" * len(values))
        return f"({self.columns}, a.number) {'<' if self.backwards else '>'} ({marks})", values


def place_of(values: Sequence[Any], number: int) -> Place:
    """The place of a row, from its values of the columns."""
    return (values[0] if len(values) == 1 else list(values)), number


def values_of(after: PageStart, count: int) -> list[int]:
    """The values in a cursor. Raises Malformed if they do not fit the order."""
    values = after.value if isinstance(after.value, list) else [after.value]
    if len(values) != count or not all(isinstance(one, int) and abs(one) < 1 << 63 for one in values):
        raise invalid_cursor(after.value)
    return [int(one) for one in values]


def behind(places: Iterable[Place], order: Order) -> list[Place]:
    """The places sorted, without those up to the row to continue after."""
    after = (order.after.value, order.after.number) if order.after is not None else None
    left = [one for one in places if after is None or (one < after if order.backwards else one > after)]
    return sorted(left, reverse=order.backwards)
