"""Whether the extra ``hunt`` is installed, without which no traffic records are kept."""

from __future__ import annotations

import functools
import importlib.util

NEEDED = ("pyarrow", "duckdb")
MISSING = "needs the packages pyarrow and duckdb: pip install 'passive-network-sensor[hunt]'"


@functools.cache
def installed() -> bool:
    """Whether the extra ``hunt`` is there. Looks for the packages and does not import them."""
    return all(importlib.util.find_spec(name) is not None for name in NEEDED)
