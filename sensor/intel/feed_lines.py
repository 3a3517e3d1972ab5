"""Feeds with one indicator per line: CSV of abuse.ch and others, and Zeek intelligence files."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from sensor.core.reader import clean
from sensor.intel.indicator import NOTHING, VALUES, Broken, Found, Indicator, category, is_likely, of_row, refanged

ZEEK_TYPES = frozenset(("Intel::ADDR", "Intel::SUBNET", "Intel::DOMAIN", "Intel::URL", "Intel::CERT_HASH"))
# Number of columns that are searched for an indicator in a CSV without a header.
GUESSED = 3
LINE_LIMIT = 65536


def csv_lines(text: str) -> Found:
    """A header line, even in a comment, names the columns; without one, the first column with an indicator is used."""
    names: list[str] = []
    numbers: list[int] = []
    for cells in csv.reader(_bare(text, numbers), skipinitialspace=True):
        number = numbers[-1]
        comment = cells[0].startswith(("#", ";"))
        small = [cell.strip().lstrip("#; ").strip('"').lower() for cell in cells] if comment or not names else []
        if any(name in VALUES for name in small) and len(small) > 1 and not any(_has_indicator(cell) for cell in small):
            names = small
        elif not comment:
            one = of_row(dict(zip(names, map(str.strip, cells), strict=False))) if names else _guess(cells)
            if one is not None:
                yield Broken(number, one) if isinstance(one, str) else (number, one)


def _bare(text: str, numbers: list[int]) -> Iterator[str]:
    """Lines that can be rows or headers; ``numbers`` holds the number of the last one."""
    for number, line in enumerate(text.split("\n"), 1):
        bare = line[:LINE_LIMIT].strip()
        if not bare.strip('"') or (bare.startswith(("#", ";")) and "," not in bare):
            continue
        numbers[:] = [number]
        # A quote after a comment sign would be read as part of a cell, and a single one as the beginning of many lines.
        yield bare.replace('"', "") if bare.startswith(("#", ";")) or bare.count('"') % 2 else bare


def _has_indicator(cell: str) -> bool:
    return "." in cell and is_likely(refanged(cell))


def _guess(cells: list[str]) -> Indicator | str:
    for cell in cells[:GUESSED]:
        value = refanged(cell)
        if is_likely(value):
            rest = [
                each.strip()
                for each in cells
                if each != cell and each.strip().lower() not in NOTHING and not each.strip()[:1].isdigit()
            ]
            return Indicator(value, category(rest[0] if rest else ""))
    return f"found {clean(','.join(cells), 60)!r}, expected an indicator in one of the first columns"


def zeek_lines(text: str) -> Found:
    """Tab-separated fields, named in the line ``#fields``. URLs have no scheme."""
    names: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        cells = line.rstrip("\r").split("\t")
        if cells[0] == "#fields":
            names = cells[1:]
        elif line.strip() and not line.startswith("#"):
            row = dict(zip(names, cells, strict=False))
            kind = row.get("indicator_type")
            if kind == "Intel::URL" and row.get("indicator"):
                row["indicator"] = "http://" + row["indicator"]
            if kind is None:
                yield Broken(number, f"found {clean(line, 60)!r}, expected {len(names)} fields with tabs between them")
            elif kind in ZEEK_TYPES and (one := of_row(row)) is not None:
                yield Broken(number, one) if isinstance(one, str) else (number, one)
