"""Time spans in documents."""

from __future__ import annotations

import re

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def span(value: object, least: int, most: int) -> int:
    """A span such as ``90s``, ``5m``, ``2h`` or ``1d`` in seconds. Raises ValueError if it is invalid or
    out of bounds.
    """
    found = re.fullmatch(r"(\d{1,6})([smhd])", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"found {value!r}, expected a span such as 90s, 5m, 2h or 1d")
    seconds = int(found[1]) * UNITS[found[2]]
    if not least <= seconds <= most:
        raise ValueError(f"found {value!r}, expected a span from {span_text(least)} to {span_text(most)}")
    return seconds


def span_text(seconds: int) -> str:
    """A span in the largest unit that divides it."""
    unit = next(name for name, size in reversed(UNITS.items()) if seconds % size == 0)
    return f"{seconds // UNITS[unit]}{unit}"
