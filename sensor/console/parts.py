"""Parts of records: a foreign log may have anything where an object or a list is expected, and
pages continue without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def each(value: object) -> Sequence[object]:
    """The members of a list of a record; a foreign log may have something else there."""
    return value if isinstance(value, list | tuple) else ()


def pairs(value: object) -> Iterable[tuple[object, object]]:
    """Keys and values of an object of a record; the same."""
    return value.items() if isinstance(value, dict) else ()
