"""Errors of views. Each has attributes with the facts, so that a command can print one line and an API can return one
object.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from sensor.core.reader import clean

# Limit on valid values in a message.
SHOWN, LENGTH_SHOWN = 40, 64


class ViewError(Exception):
    """The message is for users; subclasses have the facts."""


class NotReadable(ViewError):
    """There is no store, or none that this version can read. Its contents are unknown, not absent."""


class NoData(NotReadable):
    """There is no dataset with content."""


class Unknown(ViewError):
    """An unknown value. ``near``: the nearest valid ones, empty if none is similar; ``listed_by``: the command that
    lists the valid ones, if they are too many for a message.
    """

    def __init__(self, field: str, value: str, known: Iterable[str], listed_by: str = "") -> None:
        self.field, self.value, self.known, self.listed_by = field, value, sorted(set(known)), listed_by
        folded = {one.casefold(): one for one in self.known}
        self.near = next((folded[one] for one in get_close_matches(value.casefold(), folded, 1)), "")
        super().__init__(f"{field}: found {value!r}, {self._expected()}")

    def _expected(self) -> str:
        if self.near:
            return f"did you mean {clean(self.near)!r}?"
        if self.listed_by and len(self.known) > SHOWN:
            return f"expected one of {len(self.known):,}: `{self.listed_by}` lists them"
        shown = ", ".join(clean(one, LENGTH_SHOWN) for one in self.known[:SHOWN])
        more = f" and {len(self.known) - SHOWN:,} more" if len(self.known) > SHOWN else ""
        return f"expected one of {shown}{more}" if self.known else "expected an existing one: none is similar"


class Malformed(ViewError):
    """A malformed value. ``expected``: its expected form."""

    def __init__(self, field: str, value: str, expected: str) -> None:
        self.field, self.value, self.expected = field, value, expected
        super().__init__(f"{field}: found {value!r}, expected {expected}")


class Ambiguous(ViewError):
    """A prefix of several ids. ``candidates``: the first of them."""

    def __init__(self, value: str, candidates: Iterable[str]) -> None:
        self.value, self.candidates = value, list(candidates)
        super().__init__(
            f"{value!r} is the beginning of {', '.join(self.candidates)} and possibly others: add characters"
        )


def one_of(field: str, values: Iterable[str], known: Iterable[str]) -> None:
    """Raises Unknown if a value is not one of the known ones."""
    there = list(known)
    for value in values:
        if value not in there:
            raise Unknown(field, value, there)
