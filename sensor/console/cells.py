"""Cells of CSV. Spreadsheets evaluate cells that begin like a formula (OWASP: CSV Injection), and peers write some
values.
"""

from __future__ import annotations

from typing import Any

from sensor.core.reader import clean

FORMULA = ("=", "+", "-", "@")
LONGEST = 32_000


def csv_cell(value: Any) -> Any:
    """A value as a cell; text that begins like a formula gets an apostrophe in front."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = clean(", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value), LONGEST)
    return f"'{text}" if text.startswith(FORMULA) else text
