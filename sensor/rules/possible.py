"""Checks conditions against the values that a field can have: another value would never match, without a message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.documents import nearest
from sensor.rules.fields import Field
from sensor.rules.values import RuleError, Sets, items_of


def check_possible(about: Field, condition: Any, sets: Sets) -> None:
    """Raises RuleError, with its position, for a word or a number that the field cannot have."""
    for place, operator, value in _values(condition, sets):
        if about.words and operator in ("is", "not"):
            _check_word(value, about.words, place)
        elif about.similar and operator in ("is", "not"):
            _check_word(value, about.similar(str(value)), place)
        elif about.numbers and operator != "present":
            _check_number(value, about.numbers, place)


def _values(condition: Any, sets: Sets) -> Iterator[tuple[tuple[str | int, ...], str, Any]]:
    """(position, operator, value) of each value in a condition."""
    conditions = condition if isinstance(condition, dict) else {"is": condition}
    for operator, wanted in conditions.items():
        above = (operator,) if isinstance(condition, dict) else ()
        for index, item in enumerate(wanted if isinstance(wanted, list) else [wanted]):
            place = (*above, index) if isinstance(wanted, list) else above
            for value in items_of(item, sets):
                yield place, operator, value


def _check_word(value: Any, words: tuple[str, ...], place: tuple[str | int, ...]) -> None:
    # An empty text means that the value is unknown.
    if isinstance(value, str) and value and value.lower() not in words:
        raise RuleError(f"found {value!r}, {nearest(value.lower(), words)}", *place)


def _check_number(value: Any, numbers: range, place: tuple[str | int, ...]) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not numbers.start <= value < numbers.stop:
        raise RuleError(f"found {value!r}, expected a number from {numbers.start} to {numbers.stop - 1}", *place)
