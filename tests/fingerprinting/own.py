"""The shipped fingerprints, loaded once for all tests that only read them (15 MiB each time)."""

from __future__ import annotations

import functools

from sensor.fingerprinting.entries import Knowledge
from sensor.fingerprinting.load import load_knowledge


@functools.cache
def own_knowledge() -> Knowledge:
    return load_knowledge()
