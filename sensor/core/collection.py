"""Garbage collection is paused while many long-lived objects are created, and caches do not refer to their owner."""

from __future__ import annotations

import contextlib
import functools
import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar, cast

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
# New objects that a collection takes some hundredths of a second to traverse.
MANY = 100_000


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Disable garbage collection within this context, in which many objects are created and all survive: collecting
    would take longer than creating them.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextlib.contextmanager
def long_lived() -> Iterator[None]:
    """As ``no_collection``, for objects that stay for minutes: if they are many, they join the oldest generation, which
    is rarely collected. Otherwise the next collections would traverse them three times. Frozen objects join it too.
    """
    with no_collection():
        try:
            yield
        finally:
            if gc.get_count()[0] > MANY:
                gc.freeze()
                gc.unfreeze()


def remembered(method: Callable[Arguments, Result], most: int) -> Callable[Arguments, Result]:
    """A bound method with its last results, which its object can keep: in a reference cycle, they would stay until all
    garbage is collected.
    """
    held: weakref.WeakMethod[Any] = weakref.WeakMethod(method)

    def call(*args: Any, **named: Any) -> Any:
        return held()(*args, **named)  # type: ignore[misc] # its owner exists: it makes the call

    return cast("Callable[Arguments, Result]", functools.lru_cache(most)(call))
