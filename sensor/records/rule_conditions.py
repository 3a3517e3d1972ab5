"""Conditions of rules as SQL, so that few rows are read: each row that a rule may match meets them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sensor.core import addresses
from sensor.records.stored_kinds import StoredKind
from sensor.records.views import quoted

_COMPARED = {"above": ">", "below": "<", "at_least": ">=", "at_most": "<="}
_LISTS = frozenset(("answers", "names", "texts"))


class Condition(NamedTuple):
    """A condition on a field: one of the values must fit. ``operator``: as in rules, such as ``is`` or ``begins``."""

    field: str
    operator: str
    values: Sequence[str | int | float]


def narrowed(stored: StoredKind, conditions: Iterable[Condition]) -> str:
    """SQL of those conditions that can be expressed; ``true`` if there are none."""
    return " AND ".join(sql for one in conditions if (sql := _sql(stored, one))) or "true"


def _sql(stored: StoredKind, one: Condition) -> str:
    """SQL of one condition; empty if it cannot be expressed."""
    column = stored.column(one.field)
    if not column or one.field in _LISTS or one.field == "mac":
        return ""
    if one.field in ("src", "dst", "src.mac", "dst.mac"):
        return _of_addresses(column, one) if one.field in ("src", "dst") else ""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in one.values):
        return _of_numbers(column, one)
    if all(isinstance(value, str) for value in one.values):
        return _of_texts(column, one)
    return ""


def _of_numbers(column: str, one: Condition) -> str:
    listed = [repr(value) for value in one.values]
    if one.operator == "is":
        return f"coalesce({column}, 0) IN ({', '.join(listed)})"
    return f"coalesce({column}, 0) {_COMPARED[one.operator]} {listed[0]}" if one.operator in _COMPARED else ""


def _of_texts(column: str, one: Condition) -> str:
    texts = [str(value).lower() for value in one.values]
    value = f"lower(coalesce({column}::VARCHAR, ''))"
    if not all(text.isascii() for text in texts):
        return ""
    if one.operator == "is":
        return f"{value} IN ({', '.join(map(_literal, texts))})"
    test = {"begins": "starts_with", "ends": "ends_with", "contains": "contains"}.get(one.operator)
    return "(" + " OR ".join(f"{test}({value}, {_literal(text)})" for text in texts) + ")" if test else ""


def _of_addresses(column: str, one: Condition) -> str:
    parts = [_of_address(column, str(value)) for value in one.values] if one.operator == "is" else [""]
    return f"({' OR '.join(parts)})" if all(parts) else ""


def _of_address(column: str, text: str) -> str:
    """SQL of one address or IPv4 block; empty for words such as ``inside`` and other blocks."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return ""
    if network.num_addresses == 1:
        return f"{column} = {_literal(addresses.text(addresses.parse_network(text)[0]))}"
    return f"in_cidr({column}, {_literal(str(network))})" if network.version == 4 else ""


def _literal(text: str) -> str:
    return f"'{quoted(text)}'"
