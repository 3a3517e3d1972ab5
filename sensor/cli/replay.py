"""Read capture files and tell their devices and alerts.

PATH is a capture file (pcap, pcapng, snoop; plain or compressed), a folder, a glob in quotes, or - for standard input. Several are merged in time order.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensor.cli._setup import add_engine_arguments, complain, settings

if TYPE_CHECKING:
    from sensor.capture.files import CaptureFiles
    from sensor.core.record import Record
    from sensor.daemon import Run
    from sensor.eventlog.fold import Fold

EXAMPLES = """\
  sensor replay office.pcapng
  sensor replay captures/ --intel blocklist.txt
  sensor replay office.pcapng --events - | jq 'select(.kind == "alert")'
  tcpdump -w - | sensor replay -
"""
USAGE, NOT_OPENED, INTERRUPTED = 2, 3, 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", metavar="PATH", nargs="+")
    parser.add_argument("--follow", action="store_true", help="wait for more: a file or a folder that is still being written")
    add_engine_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Replay; the tables go to standard output, or to standard error where the events go to standard output."""
    config = settings(args)
    if config is None:
        return USAGE
    from sensor.capture.files import open_captures
    from sensor.daemon import Run
    from sensor.documents import DocumentErrors
    from sensor.eventlog.fold import Fold
    from sensor.eventlog.paths import state_folder
    from sensor.eventlog.writer import EventLog

    path = None if args.events == "-" else Path(args.events) if args.events else state_folder() / "replay.jsonl"
    try:
        log = EventLog(path, fresh=True)
    except OSError as error:
        complain(f"cannot write the event log {path}: {error.strerror}")
        return NOT_OPENED
    source, fold, began = open_captures(args.paths, follow=args.follow), Fold(), time.monotonic()
    quiet = path is not None and str(path) == os.devnull
    listener = None if quiet else _listener(fold)
    try:
        with _progress(source) as progress:
            run = Run(config, source, log, intel=args.intel, listener=listener, progress=progress)
            with stopping(source) as stopped:
                run.run()
    except DocumentErrors as errors:
        print(errors, file=sys.stderr)
        return USAGE
    finally:
        source.close()
        with contextlib.suppress(BrokenPipeError):
            log.close()
    _tell(run, source, fold, time.monotonic() - began, path, quiet)
    if stopped:
        return INTERRUPTED
    return NOT_OPENED if source.unreadable else 0


def _listener(fold: Fold) -> Callable[[Record], None]:
    import msgspec

    def hear(record: Record) -> None:
        if record.kind in ("device", "alert"):
            fold.add(msgspec.to_builtins(record))

    return hear


@contextlib.contextmanager
def stopping(source: Any) -> Iterator[list[int]]:
    """Within, SIGINT and SIGTERM end the run in good order; the list then holds the signal. A second one ends it at once."""
    stopped: list[int] = []

    def stop(number: int, _: object) -> None:
        if stopped:
            raise KeyboardInterrupt
        stopped.append(number)
        source.stop()

    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _progress(source: CaptureFiles) -> Iterator[Callable[[], None] | None]:
    """A bar on standard error where that is a terminal and the size is known."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(), TextColumn("{task.fields[packets]:,} packets")
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=source.total_bytes or None, packets=0)
        yield lambda: bar.update(task, completed=source.read_bytes, packets=source.tally.packets)


def _tell(run: Run, source: CaptureFiles, fold: Fold, seconds: float, path: Path | None, quiet: bool) -> None:
    out = sys.stderr if path is None else sys.stdout
    for unreadable in source.unreadable:
        complain(str(unreadable))
    for damage in source.damages:
        complain(str(damage))
    if not quiet:
        from sensor.cli._show import alert_table, device_table

        print(device_table(fold, out), file=out)
        print(alert_table(fold, out), file=out)
    summary = run.summary()
    rate = summary["packets"] / seconds if seconds else 0
    print(
        f"{summary['packets']:,} packets in {seconds:.2f} s ({rate:,.0f}/s), {summary['flows']:,} flows, {summary['malformed']:,} malformed,"
        f" {summary['dropped']:,} dropped, {len(source.damages):,} damaged files; {run.log.written:,} events in {path or 'standard output'}",
        file=out,
    )
