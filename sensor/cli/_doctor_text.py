"""Output of ``sensor doctor``: one line per finding, JSON, and a progress bar."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO

import msgspec

from sensor.capture.source import Source
from sensor.cli._colors import coloured, paint
from sensor.cli._show import tidy
from sensor.core.phrases import counted
from sensor.doctor.finding import Finding

STYLES = {"ok": "cyan", "warning": "yellow", "error": "red"}


def finding_line(finding: Finding, out: TextIO) -> str:
    """Status, subject, finding, and advice."""
    level = paint(f"{finding.level:7}", STYLES[finding.level], coloured(out))
    advice = f" → {tidy(finding.advice)}" if finding.advice else ""
    return f"{level}  {tidy(finding.subject)}: {finding.check}: {tidy(finding.found)}{advice}"


def finding_json(finding: Finding) -> str:
    return msgspec.json.encode(finding).decode()


def last_line(found: Iterable[Finding]) -> str:
    """Number of findings by status."""
    levels = Counter(one.level for one in found)
    bad = [counted(levels[level], level) for level in ("error", "warning") if levels[level]]
    count = sum(levels.values())
    return f"{counted(count, 'check')}: {', '.join(bad) or 'no problems'}"


@contextlib.contextmanager
def listening(source: Source, seconds: float) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error if that is a terminal; ``seconds``: 0 if the duration is unknown."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[packets]:,} packets; Ctrl-C to stop"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("listening" if seconds else "reading", total=seconds or None, packets=0)
        began = time.monotonic()
        yield lambda: bar.update(task, completed=time.monotonic() - began, packets=source.tally.packets)
