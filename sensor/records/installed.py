"""Whether the extra ``hunt`` is installed, which traffic records require."""

from __future__ import annotations

import functools
import importlib.util

NEEDED = ("pyarrow", "duckdb")
MISSING = "needs the packages pyarrow and duckdb: pip install 'passive-network-sensor[hunt]'"


@functools.cache
def installed() -> bool:
    """Whether the extra ``hunt`` is installed. Searches for the packages without importing them."""
    return all(importlib.util.find_spec(name) is not None for name in NEEDED)
