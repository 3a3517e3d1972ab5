"""Objects as JSON, truncated by the rule of records: the longest list loses its second half; if no list has two items
left, the longest text does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from sensor.core.record import SIZE_LIMIT

_SHORTEST_CUT = 64
_ENCODER = msgspec.json.Encoder()

Place = tuple[Any, Any]


def encoded(body: dict[str, Any], limit: int = SIZE_LIMIT) -> bytes:
    """The object as one line of at most ``limit`` bytes."""
    line = _ENCODER.encode(body)
    if len(line) <= limit:
        return line
    # The object to be truncated must not share parts with the record it was made from.
    whole = msgspec.json.decode(line)
    while len(line) > limit and _halve(whole):
        line = _ENCODER.encode(whole)
    return line


def _halve(body: dict[str, Any]) -> bool:
    """Halve the longest value; returns False if nothing can be shortened."""
    lists: list[tuple[int, Place]] = []
    texts: list[tuple[int, Place]] = []
    for holder, key in _places(body):
        value = holder[key]
        if isinstance(value, list) and len(value) > 1:
            lists.append((len(_ENCODER.encode(value)), (holder, key)))
        elif isinstance(value, str) and len(value) > _SHORTEST_CUT:
            texts.append((len(_ENCODER.encode(value)), (holder, key)))
    if not (longest := lists or texts):
        return False
    _, (holder, key) = max(longest, key=lambda one: one[0])
    holder[key] = holder[key][: len(holder[key]) // 2]
    return True


def _places(value: Any) -> Iterator[Place]:
    """The location of each value, at any depth."""
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])
