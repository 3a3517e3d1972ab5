"""Conditions on a value, compiled to closures: case-insensitive text, numbers, addresses by block, MACs by vendor,
lists by any of their items.

``many`` evaluates a whole column of flow changes if possible: excluded rows need not become objects.
"""

from __future__ import annotations

import enum
import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.core import addresses
from sensor.core.addresses import Networks
from sensor.documents import nearest

Mask = npt.NDArray[np.bool_]
Sets = Mapping[str, Sequence[str | int]]
One = Callable[[Any], bool]
Many = Callable[..., Mask]

# Keywords for addresses (ECS network.direction); inside and outside are former names.
ZONES = {
    "internal": "internal", "external": "external", "multicast": "multicast", "inside": "internal",
    "outside": "external",
}  # fmt: skip
BLOCKS_LIMIT = 64
_LOW = 2**64 - 1


class Kind(enum.Enum):
    """Type of a field."""

    TEXT = "text"
    NUMBER = "a number"
    FLAG = "true or false"
    ADDRESS = "an address"
    MAC = "a MAC"
    TEXTS = "texts"
    NUMBERS = "numbers"


class RuleError(Exception):
    """A fault of a rule, and its position: keys and list indexes; ``key``: at the key itself. ``others``: further
    faults.
    """

    def __init__(self, message: str, *location: str | int, key: bool = False) -> None:
        super().__init__(message)
        self.message, self.location, self.key = message, location, key
        self.others: tuple[RuleError, ...] = ()

    def within(self, *above: str | int) -> RuleError:
        """The same fault with a longer position."""
        return RuleError(self.message, *above, *self.location, key=self.key)


class ValueTest(NamedTuple):
    """``one`` tests a value; ``many`` a column (for addresses: both halves), None if not possible."""

    one: One
    many: Many | None = None


OPERATORS: dict[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("is", "not", "contains", "begins", "ends", "like", "matches", "present"),
    Kind.NUMBER: ("is", "not", "above", "below", "at_least", "at_most"),
    Kind.FLAG: ("is", "not"),
    Kind.ADDRESS: ("is", "not", "present"),
    Kind.MAC: ("is", "not", "present"),
    Kind.TEXTS: ("is", "not", "contains", "begins", "ends", "like", "matches", "present"),
    Kind.NUMBERS: ("is", "not", "above", "below", "at_least", "at_most", "present"),
}


def fit_of(kind: Kind, requested: Any, sets: Sets, networks: Networks) -> ValueTest:
    """The condition on a field. Raises RuleError if it is invalid for its type."""
    if not isinstance(requested, dict):
        return _fit(kind, "is", requested, sets, networks)
    if not requested:
        raise RuleError(f"found no condition, {nearest('', OPERATORS[kind])}")
    fits = []
    for operator, wanted in requested.items():
        if operator not in OPERATORS[kind]:
            raise RuleError(
                f"found the operator {operator!r} for {kind.value}, {nearest(operator, OPERATORS[kind])}",
                str(operator),
                key=True,
            )
        try:
            fits.append(_fit(kind, operator, wanted, sets, networks))
        except RuleError as error:
            raise error.within(operator) from None
    return fits[0] if len(fits) == 1 else _all_of(fits)


def _all_of(fits: list[ValueTest]) -> ValueTest:
    ones, manies = tuple(fit.one for fit in fits), [fit.many for fit in fits if fit.many is not None]

    def many(*columns: Any) -> Mask:
        found: Mask = np.all([each(*columns) for each in manies], axis=0)
        return found

    return ValueTest(lambda value: all(one(value) for one in ones), many if manies else None)


def _fit(kind: Kind, operator: str, wanted: Any, sets: Sets, networks: Networks) -> ValueTest:
    if operator == "present":
        present = _flag(wanted)
        return ValueTest(lambda value: bool(value) == present)
    if operator == "not":
        return _not(_fit(kind, "is", wanted, sets, networks))
    if kind in {Kind.TEXTS, Kind.NUMBERS}:
        single = _fit(Kind.TEXT if kind is Kind.TEXTS else Kind.NUMBER, operator, wanted, sets, networks).one
        return ValueTest(lambda values: any(single(value) for value in values))
    if kind is Kind.FLAG:
        flag = _flag(wanted)
        return ValueTest(lambda value: value is flag, lambda column: (column != 0) == flag)
    try:
        return _of_items(kind, operator, items_of(wanted, sets), networks)
    except RuleError as error:
        if error.location or not isinstance(wanted, list):
            raise
        for place, item in enumerate(wanted):  # the index of the faulty one
            try:
                _of_items(kind, operator, items_of(item, sets), networks)
            except RuleError as single:
                raise single.within(place) from None
        raise


def _of_items(kind: Kind, operator: str, items: list[Any], networks: Networks) -> ValueTest:
    if kind is Kind.TEXT:
        return ValueTest(_text(operator, items))
    if kind is Kind.MAC:
        return ValueTest(_mac(items))
    return _number(operator, items, networks) if kind is Kind.NUMBER else _address(items, networks)


def _not(fit: ValueTest) -> ValueTest:
    one, many = fit
    return ValueTest(lambda value: not one(value), None if many is None else lambda *columns: ~many(*columns))


def items_of(wanted: Any, sets: Sets) -> list[Any]:
    """The values of which one must match, with sets inserted for their names."""
    found: list[Any] = []
    for place, item in enumerate(wanted if isinstance(wanted, list) else [wanted]):
        where = (place,) if isinstance(wanted, list) else ()
        if isinstance(item, dict | list) or item is None:
            raise RuleError("found no single value, expected text or a number", *where)
        if isinstance(item, str) and item.startswith("$"):
            if item[1:] not in sets:
                raise RuleError(
                    f"found the set {item!r}, {nearest(item[1:], list(sets)) or 'but the file has no sets'}", *where
                )
            found += _of_set(item, sets, where)
        else:
            found.append(item)
    if not found:
        raise RuleError("found an empty list, expected values")
    return found


def _of_set(name: str, sets: Sets, where: tuple[int, ...]) -> Sequence[str | int]:
    """The values of a set, which contains no others."""
    for item in sets[name[1:]]:
        if isinstance(item, str) and item.startswith("$") and item[1:] in sets:
            raise RuleError(f"found the set {item!r} in the set {name!r}, expected values in it", *where)
    return sets[name[1:]]


def _flag(wanted: Any) -> bool:
    if not isinstance(wanted, bool):
        raise RuleError(f"found {wanted!r}, expected true or false")
    return wanted


# One function per type.


def _text(operator: str, items: list[Any]) -> One:
    if others := [item for item in items if not isinstance(item, str)]:
        raise RuleError(f"found {others[0]!r}, expected text, in quotes")
    texts = tuple(item.lower() for item in items)
    if operator == "is":
        exact = frozenset(texts)
        return lambda value: value.lower() in exact
    if operator == "begins":
        return lambda value: value.lower().startswith(texts)
    if operator == "ends":
        return lambda value: value.lower().endswith(texts)
    if operator == "contains":
        return lambda value: any(text in value.lower() for text in texts)
    return _pattern(
        [fnmatch.translate(item) if operator == "like" else item for item in items], whole=operator == "like"
    )


def _pattern(written: list[str], *, whole: bool) -> One:
    """Each expression is compiled by itself: joined, their groups would be renumbered, and their flags misplaced."""
    try:
        patterns = [re.compile(item, re.IGNORECASE | re.DOTALL) for item in written]
    except re.error as error:
        raise RuleError(f"found no regular expression: {error}") from None
    searches = tuple(pattern.match if whole else pattern.search for pattern in patterns)
    if len(searches) == 1:
        (search,) = searches
        return lambda value: search(value) is not None
    return lambda value: any(each(value) is not None for each in searches)


def _number(operator: str, items: list[Any], networks: Networks) -> ValueTest:
    """Numbers; in fields of events also addresses and MACs."""
    if operator == "is":
        if quoted := [item for item in items if isinstance(item, str) and item.isdecimal()]:
            raise RuleError(f"found the text {quoted[0]!r}, expected a number, without quotes")
        if all(isinstance(item, str) for item in items):
            return _address(items, networks) if not any(_is_mac(item) for item in items) else ValueTest(_mac(items))
        exact = frozenset(map(_numeric, items))
        return ValueTest(lambda value: value in exact, lambda column: np.isin(column, list(exact)))
    limit = _numeric(items[0])
    if len(items) > 1:
        raise RuleError("found several numbers, expected one")
    if operator in {"above", "at_least"}:
        return (
            ValueTest((lambda value: value > limit), (lambda column: column > limit))
            if operator == "above"
            else ValueTest((lambda value: value >= limit), (lambda column: column >= limit))
        )
    return (
        ValueTest((lambda value: value < limit), (lambda column: column < limit))
        if operator == "below"
        else ValueTest((lambda value: value <= limit), (lambda column: column <= limit))
    )


def _numeric(item: Any) -> int | float:
    if isinstance(item, bool) or not isinstance(item, int | float):
        raise RuleError(f"found {item!r}, expected a number")
    return item


def _address(items: list[Any], networks: Networks) -> ValueTest:
    """Addresses, blocks, and the keywords of ``ZONES``."""
    exact, blocks, zones = set[int](), list[tuple[int, int]](), set[str]()
    for item in items:
        if isinstance(item, str) and item in ZONES:
            zones.add(ZONES[item])
            continue
        try:
            first, last = addresses.parse_network(str(item))
        except ValueError:
            raise RuleError(
                f"found {item!r}, expected an address, a block such as 10.0.0.0/8, internal, external or multicast"
            ) from None
        if first == last:
            exact.add(first)
        else:
            blocks.append((first, last))
    known, inside = frozenset(exact), networks.inside

    def one(value: int) -> bool:
        return (
            value in known
            or any(first <= value <= last for first, last in blocks)
            or ("internal" in zones and inside(value))
            or (
                "external" in zones and value > addresses.V4 and not inside(value) and not addresses.is_multicast(value)
            )
            or ("multicast" in zones and addresses.is_multicast(value))
        )

    ranges = [*blocks, *((address, address) for address in exact), *(networks.blocks if "internal" in zones else ())]
    return ValueTest(one, _ranges(ranges) if not zones - {"internal"} and len(ranges) <= BLOCKS_LIMIT else None)


def _ranges(ranges: list[tuple[int, int]]) -> Many:
    """Whether addresses, as two columns of halves, are in one of the blocks."""
    masks = [(first, 2**128 - 1 ^ first ^ last) for first, last in ranges]
    parts = [
        tuple(np.uint64(number) for number in (mask >> 64, mask & _LOW, first >> 64, first & _LOW))
        for first, mask in masks
    ]

    def many(hi: npt.NDArray[np.uint64], lo: npt.NDArray[np.uint64]) -> Mask:
        found = np.zeros(len(hi), np.bool_)
        for mask_hi, mask_lo, want_hi, want_lo in parts:
            found |= (hi & mask_hi == want_hi) & (lo & mask_lo == want_lo)
        return found

    return many


def _is_mac(item: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){2,5}", item) is not None


def _mac(items: list[Any]) -> One:
    """Whole MACs, or prefixes of at least three bytes."""
    wanted: dict[int, set[int]] = {}
    for item in items:
        if not isinstance(item, str) or not _is_mac(item):
            raise RuleError(f"found {item!r}, expected a MAC such as 00:17:c8:1a:2b:3c, or how it begins")
        digits = item.replace(":", "").replace("-", "")
        wanted.setdefault(48 - 4 * len(digits), set()).add(int(digits, 16))
    shifts = tuple(wanted.items())
    return lambda value: any(value >> shift in begins for shift, begins in shifts)
