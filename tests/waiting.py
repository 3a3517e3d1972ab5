"""Waiting for another thread or process: the duration does not matter, only a timeout fails the test."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
# The timeout is that of a machine on which other runs of all tests go on.
TIMEOUT_S, APART_S = 240.0, 0.005


def until(
    holds: Callable[[], Found], *, timeout_s: float = TIMEOUT_S, apart_s: float = APART_S,
    what: Callable[[], object] = str,
) -> Found:  # fmt: skip
    """Polls ``holds`` every ``apart_s`` seconds and returns its first true result. The test fails if there is none,
    with the result of ``what``.
    """
    end = time.monotonic() + timeout_s
    while not (found := holds()):
        assert time.monotonic() < end, f"it did not happen within {timeout_s:g} s {what()}"
        time.sleep(apart_s)
    return found
