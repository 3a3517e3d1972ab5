"""Results that are computed once for a picture, and freed with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from sensor.core.collection import long_lived
from sensor.posture.picture import Picture

Result = TypeVar("Result")


def once(compute: Callable[[Picture], Result]) -> Callable[[Picture], Result]:
    """A decorator. The result is shared: callers must not change it."""
    kept: WeakKeyDictionary[Picture, Result] = WeakKeyDictionary()

    @wraps(compute)
    def found(picture: Picture) -> Result:
        if picture not in kept:
            with long_lived():
                kept[picture] = compute(picture)
        return kept[picture]

    return found
