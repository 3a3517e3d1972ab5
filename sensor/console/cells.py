"""Cells of CSV."""

from __future__ import annotations

from typing import Any

from sensor.core.reader import clean
from sensor.core.spreadsheet import safe

LONGEST = 32_000


def csv_cell(value: Any) -> Any:
    """A value as a cell; text is none that a spreadsheet evaluates."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return safe(clean(", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value), LONGEST))
