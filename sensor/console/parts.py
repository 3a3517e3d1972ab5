"""Access to parts of records. Other programs' logs may have any type where an object or a list is expected; pages skip
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def each(value: object) -> Sequence[object]:
    """The members of a list; empty if the value is not a list."""
    return value if isinstance(value, list | tuple) else ()


def pairs(value: object) -> Iterable[tuple[object, object]]:
    """Keys and values of an object; empty if the value is not an object."""
    return value.items() if isinstance(value, dict) else ()
