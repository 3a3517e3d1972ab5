"""Tables: plain aligned text if the output is not a terminal, so that grep and awk work; on a terminal as many columns
as fit its width, and below that a line per cell. No part of a cell is cut off.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TextIO

from sensor.cli._colors import coloured
from sensor.cli._times import zone_name

Row = Sequence[str]

# Columns of text that may be wrapped between words. All other columns are never wrapped.
FLEXIBLE = frozenset(
    (
        "actor → target", "addresses", "asserts", "client", "destination", "device", "expected", "fault", "fetched",
        "file", "fix", "found", "from", "guarantee", "imported", "last", "last seen", "matches", "missing", "model",
        "name", "priority because", "product", "reason", "server", "services", "since", "source", "state",
        "status text", "summary", "techniques", "terms", "time", "time span", "title", "why", "with", "worst",
    )
)  # fmt: skip
TIMES = ("time", "last seen", "last", "since")
# Columns that a narrow terminal omits, in this order.
OPTIONAL = (
    "software", "expires", "share", "received", "sent",
    "MAC", "detector", "confidence", "last seen", "open alerts", "vendor", "speed", "MTU", "count",
    "actor → target", "EPSS", "CVSS", "exploited", "segment", "product", "active", "observed", "serves", "uses",
    "author", "since", "owner", "risk", "link type", "size", "last", "imported", "data of", "skipped", "seen", "state",
    "time", "schedule", "techniques", "maturity", "model",
)  # fmt: skip
# Narrower text columns are hard to read; sentences need more.
LEAST = 14
SENTENCES = {"summary": 28, "title": 28, "why": 20}
RIGHT = ("count", "confidence", "sent", "received", "bytes", "share", "connections")
# Words that are never broken: addresses of both families, MACs and ids.
_ADDRESS = re.compile(r"[0-9a-fA-F]*(?:[.:][0-9a-fA-F]*){3,}(?:/\d+)?|[a-z]{3,}-[0-9a-z]{14}")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:Z|[+-]\d\d:\d\d)")
# Select Graphic Rendition (ECMA-48, 8.3.117), which has no width.
_CODE = re.compile(r"\x1b\[[0-9;]*m")
_GAP = 3
_WIDE = [False]


def use_all_columns(wide: bool) -> None:
    """Whether tables have all columns and full lines regardless of the terminal (--wide)."""
    _WIDE[0] = wide


def table(columns: Row, rows: Sequence[Row], out: TextIO, style: Callable[[Row], str] | None = None) -> str:
    """A table as text without a last line end. ``style``: the style of a row, on terminals only."""
    if not out.isatty():
        return _plain(columns, rows)
    from io import StringIO

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    heads = [f"{column} {zone_name()}" if column in TIMES else column for column in columns]
    lines = [
        [_TIME.sub(r"\1 \2", cell) if column in TIMES else cell for column, cell in zip(columns, row, strict=True)]
        for row in rows
    ]
    cells = list(zip(heads, *lines, strict=True))
    longest = [max(map(len, each)) for each in cells]
    kept, width, widths = list(range(len(columns))), sum(one + _GAP for one in longest), longest
    if not _WIDE[0]:
        width = _width(out)
        kept, least = _layout(columns, cells, width)
        if not _fits(least, kept, width):
            return _stacked([heads[at] for at in kept], [[line[at] for at in kept] for line in lines], width)
        widths = _widths(least, longest, kept, width)
    console = Console(file=StringIO(), force_terminal=True, no_color=not coloured(out), width=width, highlight=False)
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for at in kept:
        grid.add_column(
            heads[at], overflow="fold", width=widths[at], justify="right" if columns[at] in RIGHT else "left"
        )
    for row, line in zip(rows, lines, strict=True):
        grid.add_row(*(Text(line[at]) for at in kept), style=style(row) if style else "")
    with console.capture() as made:
        console.print(grid)
    return made.get().strip("\n")


def for_terminal(text: str, out: TextIO) -> str:
    """Lines wrapped to the terminal; unwrapped without a terminal or with --wide, so that grep works."""
    return "\n".join(fitted(text.split("\n"), _width(out))) if out.isatty() and not _WIDE[0] else text


def fitted(lines: Iterable[str], width: int) -> Iterator[str]:
    """Lines of at most ``width`` columns; continuation lines are indented, and no address is broken."""
    for line in lines:
        plain = _CODE.sub("", line)
        indent = " " * (len(plain) - len(plain.lstrip()) + 2)
        yield from (
            textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
            if len(plain) > width
            else [line]
        )


def _layout(columns: Row, cells: Sequence[Row], width: int) -> tuple[list[int], list[int]]:
    """Indexes of the columns that are shown, and minimum widths: sentences are narrow if they would not fit."""
    least = [_least(column, each, SENTENCES) for column, each in zip(columns, cells, strict=True)]
    kept = _kept(columns, least, width)
    if not _fits(least, kept, width):
        least = [_least(column, each, {}) for column, each in zip(columns, cells, strict=True)]
    return kept, least


def _stacked(heads: Row, lines: Sequence[Row], width: int) -> str:
    """A line for each cell that is not empty, and a blank line between rows."""
    indent = max(map(len, heads))
    rows = ([f"{head:{indent}}  {cell}" for head, cell in zip(heads, line, strict=True) if cell] for line in lines)
    return "\n\n".join("\n".join(fitted(row, width)) for row in rows)


def _least(column: str, cells: Sequence[str], sentences: Mapping[str, int]) -> int:
    """The minimum width of a column: its longest cell; for text, the longest address in it."""
    if column not in FLEXIBLE:
        return max(map(len, cells))
    whole = [len(word) for cell in cells for word in cell.split() if _ADDRESS.fullmatch(word.strip("(),"))]
    return min(max(map(len, cells)), max([sentences.get(column, LEAST), *whole]))


def _kept(columns: Row, least: Sequence[int], width: int) -> list[int]:
    """Indexes of the columns that fit, after omitting optional ones."""
    kept = list(range(len(columns)))
    for name in OPTIONAL:
        if _fits(least, kept, width):
            break
        kept = [at for at in kept if columns[at] != name]
    return kept


def _widths(least: Sequence[int], longest: Sequence[int], kept: Sequence[int], width: int) -> list[int]:
    """The width of each column: the minimum, and for the narrowest ones the columns of the terminal that are left."""
    widths = list(least)
    for _ in range(width - sum(least[at] + _GAP for at in kept) + 1):
        short = [at for at in kept if widths[at] < longest[at]]
        if not short:
            break
        widths[min(short, key=widths.__getitem__)] += 1
    return widths


def _fits(least: Sequence[int], kept: Sequence[int], width: int) -> bool:
    return sum(least[at] + _GAP for at in kept) - 1 <= width


def _width(out: TextIO) -> int:
    try:
        return os.get_terminal_size(out.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _plain(columns: Row, rows: Sequence[Row]) -> str:
    """Columns separated by two blanks; a dash for empty cells, so that every row has the same number of fields."""
    heads = [column.upper() for column in columns]
    widths = [max(len(head), 1) for head in heads]
    for row in rows:
        widths = [max(len(cell), width) for cell, width in zip(row, widths, strict=True)]
    return "\n".join([_line(heads, widths), *(_line([cell or "-" for cell in row], widths) for row in rows)])


def _line(cells: Row, widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
