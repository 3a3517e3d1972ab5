"""Read capture files and tell their devices and alerts.

PATH is a capture file (pcap, pcapng, snoop; plain or compressed), a folder, a glob in quotes, or - for standard input. Several are merged in time order.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensor.cli._setup import (
    add_engine_arguments,
    complain,
    complain_of_faults,
    keeper,
    lists_folder,
    log_failed,
    mutes_file,
    profiles_folder,
    rule_folders,
    settings,
)

if TYPE_CHECKING:
    from sensor.capture.files import CaptureFiles
    from sensor.core.record import Record
    from sensor.eventlog.fold import Fold
    from sensor.eventlog.writer import EventLog
    from sensor.runtime.daemon import Run

EXAMPLES = """\
  sensor replay office.pcapng
  sensor replay captures/ --intel blocklist.txt
  sensor replay office.pcapng --events - | jq 'select(.kind == "alert")'
  tcpdump -w - | sensor replay -
"""
USAGE, NOT_OPENED = 2, 3
SHOWN = ("ts", "kind", "action", "severity", "msg", "device", "reason", "alert", "incident", "src", "dst", "targets")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", metavar="PATH", nargs="+")
    parser.add_argument("--follow", action="store_true", help="wait for more: a file or a folder that is still being written")
    as_json = "at the end the devices, alerts, incidents and the summary as JSON, one object a line, instead of tables"
    parser.add_argument("--json", action="store_true", help=as_json)
    add_engine_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Replay; the tables go to standard output, or to standard error where the events go to standard output."""
    config = settings(args)
    if config is None:
        return USAGE
    from sensor.capture.files import open_captures
    from sensor.documents import DocumentErrors
    from sensor.eventlog.fold import Fold
    from sensor.runtime.daemon import Run

    source = open_captures(args.paths, follow=args.follow)
    log = _log(args.events, barren=source.barren)
    if log is None:
        return NOT_OPENED
    folder = args.state or config.state
    keeping = keeper(folder) if folder is not None else None
    if folder is not None and keeping is None:
        return NOT_OPENED
    fold, began = Fold(), time.monotonic()
    mutes = mutes_file(args, config, folder)
    listener = None if args.events == os.devnull else partial(_hear, fold)
    try:
        with _progress(source) as progress:
            run = Run(
                config, source, log, intel=args.intel, listener=listener, progress=progress, keeper=keeping, mutes=mutes, evidence=args.evidence,
                lists=lists_folder(folder), rules=rule_folders(args, folder), profiles=profiles_folder(folder),
            )  # fmt: skip
            with stopping(source) as stopped:
                run.run()
        log.close()
    except DocumentErrors as errors:
        if keeping is not None:
            keeping.abandon()
        complain_of_faults(errors)
        return USAGE
    except OSError as error:
        return log_failed(error, log.path)
    finally:
        source.close()
    _tell(args, run, source, fold, time.monotonic() - began)
    if stopped:
        return 128 + stopped[0]
    return NOT_OPENED if source.unreadable else 0


def _log(events: str | None, *, barren: bool) -> EventLog | None:
    """The log that was named; else the one in the state folder, and none where that cannot be, or nothing can be read: what the last replay found stays.
    None after it was said what is wrong.
    """
    from sensor.eventlog.paths import REPLAY_LOG, state_folder
    from sensor.eventlog.writer import EventLog

    if barren and not events:
        return EventLog(Path(os.devnull))
    path = None if events == "-" else Path(events) if events else state_folder() / REPLAY_LOG
    try:
        return EventLog(path, fresh=True)
    except OSError as error:
        complain(f"cannot write the event log {path}: {error.strerror}" + ("" if events else "; going on without one (--events names another)"))
    return None if events else EventLog(Path(os.devnull))


def _hear(fold: Fold, record: Record) -> None:
    """What the tables show of a record: not its evidence, which is in the log."""
    if record.kind in ("device", "alert", "incident"):
        told = {name: getattr(record, name) for name in SHOWN}
        fold.add({name: value for name, value in told.items() if isinstance(value, str | dict | list)})


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


def _tell(args: argparse.Namespace, run: Run, source: CaptureFiles, fold: Fold, seconds: float) -> None:
    """What was found, and how it went."""
    path = run.log.path
    out = sys.stderr if path is None else sys.stdout
    for unreadable in source.unreadable:
        complain(str(unreadable))
    for damage in source.damages:
        complain(str(damage))
    summary = run.summary()
    if args.json:
        last = {"kind": "sensor", "action": "summary", "seconds": round(seconds, 3), "capture": summary}
        for one in (*fold.devices.values(), *fold.alerts.values(), *fold.incidents.values(), last):
            print(json.dumps(one, ensure_ascii=False, separators=(",", ":")), file=out)
        return
    if args.events != os.devnull:
        from sensor.cli._show import alert_table, device_table

        print(device_table(fold, out), file=out)
        print(alert_table(fold, out), file=out)
        if fold.incidents:
            from sensor.cli._incidents import table_of_incidents

            print(table_of_incidents(fold.incidents.values(), out), file=out)
    rate = summary["packets"] / seconds if seconds else 0
    print(
        f"{summary['packets']:,} packets in {seconds:.2f} s ({rate:,.0f}/s), {summary['flows']:,} flows, {summary['malformed']:,} malformed,"
        f" {summary['dropped']:,} dropped, {len(source.damages):,} damaged files; {run.log.written:,} events in {path or 'standard output'}",
        file=out,
    )
