"""Waiting for what another thread or process does: how long it took decides nothing, that it never happens does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
PATIENCE_S, APART_S = 60.0, 0.005


def until(
    holds: Callable[[], Found], *, patience_s: float = PATIENCE_S, apart_s: float = APART_S,
    what: Callable[[], object] = str,
) -> Found:  # fmt: skip
    """What ``holds`` returns once that is true, looked at every ``apart_s`` seconds. The test fails where it never is,
    with what ``what`` returns then.
    """
    end = time.monotonic() + patience_s
    while not (found := holds()):
        assert time.monotonic() < end, f"it did not happen within {patience_s:g} s {what()}"
        time.sleep(apart_s)
    return found
