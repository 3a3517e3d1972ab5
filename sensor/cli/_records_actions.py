"""Actions of `sensor records`."""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._progress import counting
from sensor.cli._records import catch_up, folder_of, installed, live_folder, missing, moment_in, print_json
from sensor.cli._setup import complain, settings
from sensor.cli._show import tidy
from sensor.cli._table import table
from sensor.core.phrases import counted

if TYPE_CHECKING:
    from pathlib import Path

    from sensor.records.manifest import File
    from sensor.runtime.notify import Notifier


def status(args: argparse.Namespace) -> int:
    """Print tables, sizes and time spans."""
    from sensor.records.readable import NoRecords, manifest_of
    from sensor.records.schema import TABLES
    from sensor.records.tail import FOLDER, unread

    folder = folder_of(args)
    try:
        manifest = manifest_of(folder)
    except NoRecords as error:
        raise missing(args, error) from None
    with contextlib.closing(manifest):
        files, damages = manifest.files(), manifest.damages()
    rows = [_totals(name, [file for file in files if file.table == name]) for name, one in TABLES.items() if one.stored]
    heads = ("table", "rows", "bytes", "files", "oldest", "newest")
    if args.json:
        print_json([dict(zip(heads, row, strict=True)) for row in rows])
        return 0
    cells = [[f"{value:,}" if isinstance(value, int) else value for value in row] for row in rows]
    print(table(heads, cells, sys.stdout))
    print(
        f"{folder}: {sum(file.size for file in files) / (1 << 20):,.1f} MiB, "
        f"{unread(folder / FOLDER) / (1 << 20):,.1f} MiB pending"
    )
    for _, name, what in damages:
        print(tidy(f"unreadable: {name}: {what}"))
    return 0


def _totals(name: str, files: list[File]) -> tuple[str, int, int, int, str, str]:
    """Totals of one table: rows, bytes, files, and the times of the oldest and the newest row."""
    from sensor.records.query import as_sql

    first = min((file.first for file in files), default=None)
    last = max((file.last for file in files), default=None)
    rows, size = sum(file.rows for file in files), sum(file.size for file in files)
    return name, rows, size, len(files), as_sql(first)[:16], as_sql(last)[:16]


def write(args: argparse.Namespace) -> int:
    """Write records until SIGTERM or Ctrl-C, with the configuration of their sensor."""
    import signal

    config = settings(args)
    if config is None:
        return USAGE
    if not config.records.enabled:
        complain("traffic records are disabled (records.enabled): nothing to write", "info")
        return 0
    if not installed():
        return NOT_OPENED
    from sensor.records.process import follow
    from sensor.records.writer import FAILURES, reason_of
    from sensor.runtime.notify import Notifier

    folder = live_folder(args, config)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    notifier = Notifier(None)
    try:
        notifier.ready(f"writing {folder}")
        complain(_begins(folder), "info")
        follow(folder, config.records.days, config.records.gib, complain, _waiting(over, notifier))
    except FAILURES as error:
        complain(f"cannot write traffic records in {folder}: {reason_of(error)}", error="file.not-written")
        return NOT_OPENED
    finally:
        notifier.close()
    return 0


def _begins(folder: Path) -> str:
    """What the command does until it is stopped."""
    from sensor.records.tail import FOLDER

    if (folder / FOLDER).is_dir():
        return f"writing traffic records to {folder} until stopped"
    return f"waiting for traffic records in {folder}: `sensor run` writes them, a replay writes its own"


def _waiting(over: threading.Event, notifier: Notifier) -> Callable[[float], bool]:
    """Waits up to a number of seconds, or until stopped. Each call feeds the watchdog."""

    def waited(seconds: float) -> bool:
        notifier.beat()
        return over.wait(seconds)

    return waited


def export(args: argparse.Namespace) -> int:
    """Export the files."""
    from sensor.documents import nearest
    from sensor.records.readable import NoRecords, Range, readable
    from sensor.records.schema import TABLES

    for name in args.table:
        if name not in TABLES:
            complain(f"found the table {tidy(name)!r}, {nearest(name, list(TABLES))}", error="records.unknown-table")
            return USAGE
    if not installed():
        return NOT_OPENED
    folder = folder_of(args)
    catch_up(folder)
    try:
        within = Range(moment_in(folder, args.since), moment_in(folder, args.until))
        files, left_out = readable(folder, within)
    except NoRecords as error:
        raise missing(args, error) from None
    except argparse.ArgumentTypeError as error:
        complain(str(error), error="usage.invalid-value")
        return USAGE
    for line in left_out:
        complain(f"unreadable: {line}", error="records.damaged")
    from sensor.records.export import export as write_files

    rows = sum(file.rows for file in files if not args.table or file.table in args.table)
    try:
        with counting("exporting", "rows", rows) as progress:
            made = write_files(folder, files, within, args.format, args.output, args.table, progress)
    except OSError as error:
        complain(f"cannot write {error.filename or args.output}: {error.strerror}", error="file.not-written")
        return NOT_OPENED
    for path, written in made.items():
        print(f"{path}: {counted(written, 'row')}")
    return 0 if any(made.values()) else NOT_FOUND
