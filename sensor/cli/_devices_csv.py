"""Rows as CSV. No cell is evaluated as a formula by a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import TextIO

from sensor.core.spreadsheet import safe


def write_csv(out: TextIO, columns: Sequence[str], rows: Iterable[dict[str, str]]) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([safe(row.get(column, "")) for column in columns])
