"""Progress bars of long work, on standard error if that is a terminal; nothing elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

Advance = Callable[[int], None]


@contextlib.contextmanager
def reading(description: str, size: int) -> Iterator[Advance]:
    """Shows bytes; the result is called with the number of bytes that were read. ``size``: in total, 0 if unknown."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import DownloadColumn, TimeRemainingColumn

    with _bar(description, size, DownloadColumn(), TimeRemainingColumn()) as advance:
        yield advance


@contextlib.contextmanager
def counting(description: str, what: str, total: int = 0) -> Iterator[Advance]:
    """Shows a number of objects; ``what``: their name in the plural; ``total``: 0 if unknown."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import TextColumn, TimeElapsedColumn

    with _bar(description, total, TextColumn(f"{{task.completed:,.0f}} {what}"), TimeElapsedColumn()) as advance:
        yield advance


@contextlib.contextmanager
def _bar(description: str, total: int, *columns: ProgressColumn) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    shown = TextColumn("{task.description}", markup=False), BarColumn(), *columns
    with Progress(*shown, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total or None)
        yield lambda count: bar.update(task, advance=count)
