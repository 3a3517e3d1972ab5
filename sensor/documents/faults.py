"""The faults of a document: position, what was found, what was expected."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

SHOWN_LIMIT, NAME_LIMIT = 60, 64
CHOICES_LIMIT = 12


class Position(NamedTuple):
    """Position of a key or a list entry; line and column count from 1."""

    path: Path
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class Fault(NamedTuple):
    """One fault of a document. Line and column count from 1; ``code``: its entry in the catalogue of errors (``sensor
    help CODE``).
    """

    path: Path
    line: int
    column: int
    message: str
    code: str = "config.invalid-value"

    def __str__(self) -> str:
        return f"{Position(self.path, self.line, self.column)}: {self.message}"


class DocumentErrors(Exception):
    """All faults of one or several documents, in the order of their positions; as text one per line."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults)
        self.faults = sorted(faults)

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


def each_once(names: Iterable[str], what: str) -> None:
    """Raises ValueError for a duplicate name in a document. ``what``: description of the names: "the id"."""
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"found {what} {name!r} twice, expected it once")


def each_known(names: Iterable[str], choices: Sequence[str], what: str) -> None:
    """Raises ValueError for a name in a document that is none of the choices. ``what``: "the type"."""
    for name in names:
        if name not in choices:
            raise ValueError(f"found {what} {name[:NAME_LIMIT]!r}, {nearest(name, choices)}")


def nearest(found: object, choices: Sequence[str]) -> str:
    """Valid words to suggest instead of ``found``: the nearest; all of them if they are few; the first of them if none
    is near. Empty if there are none.
    """
    if not choices:
        return ""
    close = difflib.get_close_matches(str(found), choices, 1, 0.6)
    hint = f"did you mean {close[0]!r}?" if close else ""
    more = f" or {len(choices) - CHOICES_LIMIT} others" if len(choices) > CHOICES_LIMIT else ""
    listed = f"expected one of {', '.join(choices[:CHOICES_LIMIT])}{more}" if not more or not hint else ""
    return "; ".join(filter(None, (listed, hint)))


def shown(value: object) -> str:
    """A value in a message: truncated, in YAML notation."""
    if isinstance(value, dict):
        return "keys with values"
    if isinstance(value, list):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= SHOWN_LIMIT else f"{text[:SHOWN_LIMIT]}…{text[0]}"
